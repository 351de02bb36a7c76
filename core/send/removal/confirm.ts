import type { DigestKind } from '../../files/digest.ts'
import { createHasher, digestKindOf } from '../../files/digest.ts'
import { closeFd, openFd, readFully, statFd } from '../../files/fd.ts'
import { lstatExactOrNull } from '../../files/lstat-or-null.ts'
import { READ_FILE } from '../../files/open-flags.ts'
import type { Removable } from '../../ledger/ledger.ts'
import { CHUNK_BYTES } from '../../wire/limits.ts'
import type { Facts } from '../reading/facts.ts'
import { factsOf, sameFile } from '../reading/facts.ts'
import type { Outgoing, Session } from '../session/session.ts'
import type { HasWriter } from './take-away.ts'
import type { HeldDirectory } from './within.ts'

/** What the last look before a removal says. */
export type Confirmed =
  /**
   * The receiver has just read this very content back. `device`: the one that the file is on. `otherwise`: see
   * RemovalClaim; null: nobody asked for it.
   */
  | { kind: 'yes'; device: bigint; otherwise: Buffer | null }
  /** It is another file, or there is another content in it: as it is now, it has to be sent. */
  | { kind: 'changed'; facts: Facts }
  /** The receiver has this content no more: it has to be sent again. */
  | { kind: 'lost'; facts: Facts }
  | { kind: 'absent' }
  /** Something, or somebody, is in the way; the file stays. */
  | { kind: 'not-now'; why: string }
  /** The receiver does not answer, or its store is in trouble: nothing else needs to be asked now. */
  | { kind: 'stop' }

export interface Asked {
  due: Removable
  directory: HeldDirectory
  name: string
  /** The source's folder at the destination. */
  folder: string
  session: Session
  hasWriter: HasWriter
  mayGoOn(): boolean
  /** Other destinations are asked, too, and may have a digest that was made in another way. */
  hasOthers: boolean
  /** The source's disk is there; false: the device's number has to be the one that the ledger knows. */
  isHome: boolean
}

/** The digests of an open file, made in these ways; null: no more wanted, or it is shorter than it was. */
async function digestsNow(
  fd: number,
  size: number,
  kinds: readonly DigestKind[],
  mayGoOn: () => boolean,
): Promise<Buffer[] | null> {
  const hashers = kinds.map(createHasher)
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(1, size)))
  for (let position = 0; position < size; ) {
    if (!mayGoOn()) return null
    const length = await readFully(fd, buffer.subarray(0, Math.min(buffer.length, size - position)), position)
    if (length === 0) return null
    for (const hasher of hashers) hasher.update(buffer.subarray(0, length))
    position += length
  }
  return hashers.map((hasher) => hasher.digest())
}

/** What the receiver has under the file's name: the question is a `copy` of the file onto itself (PROTOCOL.md). */
async function askReceiver(
  { due, folder, session }: Asked,
  facts: Facts,
  mode: number,
  otherwise: Buffer | null,
): Promise<Confirmed> {
  const { path, size, digest, mtimeNs } = due
  const file: Outgoing = { source: folder, path, size, mtimeMs: Number(mtimeNs) / 1e6, mode }
  const answer = await session.copy(file, digest, { source: folder, path })
  if (answer?.status === 'same' || answer?.status === 'durable')
    return { kind: 'yes', device: facts.device, otherwise }
  return answer?.status === 'unknown' ? { kind: 'lost', facts } : { kind: 'stop' }
}

async function confirmOpen(fd: number, asked: Asked): Promise<Confirmed> {
  const { due, hasWriter, isHome, mayGoOn } = asked
  const stats = await statFd(fd)
  const facts = factsOf(stats)
  if (!stats.isFile()) return { kind: 'not-now', why: 'it is no file any more' }
  if (!sameFile(facts, due)) return { kind: 'changed', facts }
  if (!isHome && facts.device !== due.device) return { kind: 'not-now', why: 'it is on another disk' }
  const writer = hasWriter(fd)
  if (writer === 'yes') return { kind: 'not-now', why: 'a program has it open for writing' }
  if (writer === 'unknown')
    return { kind: 'not-now', why: 'the system does not tell whether a program is writing it' }
  const kind = digestKindOf(due.digest)
  const kinds: DigestKind[] = asked.hasOthers ? [kind, kind === 'sha256' ? 'blake3' : 'sha256'] : [kind]
  const digests = await digestsNow(fd, due.size, kinds, mayGoOn)
  if (digests === null) return { kind: 'stop' }
  const [digest, otherwise = null] = digests
  // Its facts do not say so, as after a write through mmap(2) or with a time that was set.
  if (!digest?.equals(due.digest)) return { kind: 'changed', facts }
  return askReceiver(asked, facts, Number(stats.mode & 0o777n), otherwise)
}

/**
 * Looks whether a sent file may be removed: it is unchanged to the last byte, nobody writes it, and the receiver,
 * asked now, reads the same content back from its disk.
 * @throws what the system says of the file.
 */
export async function confirm(asked: Asked): Promise<Confirmed> {
  const file = asked.directory.entry(asked.name)
  const stats = await lstatExactOrNull(file)
  if (stats === null) return { kind: 'absent' }
  // Opening would follow nothing, but a device would answer to it.
  if (!stats.isFile()) return { kind: 'not-now', why: 'it is no file any more' }
  const fd = await openFd(file, READ_FILE)
  try {
    return await confirmOpen(fd, asked)
  } finally {
    await closeFd(fd).catch(() => undefined)
  }
}
