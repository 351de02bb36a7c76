import { randomBytes } from 'node:crypto'
import { createHasher } from '../../files/digest.ts'
import { closeFd, openFd, readFully, statFd } from '../../files/fd.ts'
import { lstatExactOrNull } from '../../files/lstat-or-null.ts'
import { hasWriter } from '../../files/native.ts'
import { READ_FILE } from '../../files/open-flags.ts'
import type { StatFacts } from '../../files/stat-facts.ts'
import { sameFile, statFactsOf } from '../../files/stat-facts.ts'
import type { Removable } from '../../ledger/ledger.ts'
import type { OutgoingSource, Session } from '../destinations/destination.ts'
import { NONCE_BYTES } from '../destinations/destination.ts'

const READ_BYTES = 256 * 1024

/** What the last look before a removal says. */
export type Confirmed =
  /** The receiver has just proven that it holds this very content. `device`: the one that the file is on. */
  | { kind: 'yes'; device: bigint }
  /** It is another file, or there is another content in it: as it is now, it has to be sent. */
  | { kind: 'changed'; facts: StatFacts }
  /** The receiver has this content no more: it has to be sent again. */
  | { kind: 'lost'; facts: StatFacts }
  | { kind: 'absent' }
  /** Something, or somebody, is in the way; the file stays. */
  | { kind: 'not-now'; why: string }
  /** The session is over, or the rule was taken back: nothing else needs to be asked now. */
  | { kind: 'stop' }

export interface Asked {
  due: Removable
  source: OutgoingSource
  session: Session
  /** What the destination answered when it had stored the file; null: nothing. */
  seal: Uint8Array | null
  mayGoOn(): boolean
  /** The source's disk is there; false: the device's number has to be the one that the ledger knows. */
  isHome: boolean
}

/** The digests of an open file, alone and behind a nonce; null: no more wanted, or it is shorter than it was. */
async function digestsNow(
  fd: number,
  size: number,
  nonce: Uint8Array,
  mayGoOn: () => boolean,
): Promise<{ digest: Buffer; proof: Buffer } | null> {
  const alone = createHasher()
  const behind = createHasher()
  behind.update(nonce)
  const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(1, size)))
  for (let position = 0; position < size; ) {
    if (!mayGoOn()) return null
    const length = await readFully(fd, buffer.subarray(0, Math.min(buffer.length, size - position)), position)
    if (length === 0) return null
    const piece = buffer.subarray(0, length)
    alone.update(piece)
    behind.update(piece)
    position += length
  }
  return { digest: alone.digest(), proof: behind.digest() }
}

async function confirmOpen(fd: number, asked: Asked): Promise<Confirmed> {
  const { due, isHome, mayGoOn, seal, session, source } = asked
  const stats = await statFd(fd)
  const facts = statFactsOf(stats)
  if (!stats.isFile()) return { kind: 'not-now', why: 'it is no file any more' }
  if (!sameFile(facts, due)) return { kind: 'changed', facts }
  if (!isHome && facts.device !== due.device) return { kind: 'not-now', why: 'it is on another disk' }
  const writer = hasWriter(fd)
  if (writer === 'yes') return { kind: 'not-now', why: 'a program has it open for writing' }
  if (writer === 'unknown')
    return { kind: 'not-now', why: 'the system does not tell whether a program is writing it' }
  const stays = (why: string): Confirmed => (mayGoOn() ? { kind: 'not-now', why } : { kind: 'stop' })
  const nonce = randomBytes(NONCE_BYTES)
  const digests = await digestsNow(fd, due.size, nonce, mayGoOn)
  if (digests === null) return stays('it became shorter while it was read')
  // Its facts do not say so, as after a write through mmap(2).
  if (!digests.digest.equals(due.digest)) return { kind: 'changed', facts }
  // No word of the receiver is believed: only who holds the content can tell this digest.
  const proof = await session.prove(source, due.path, due.size, nonce, seal)
  // It may be this file alone: those behind it are asked for all the same.
  if (proof.kind === 'unavailable') return stays('the destination cannot prove now that it has it')
  const isProven = proof.kind === 'sealed' || (proof.kind === 'digest' && digests.proof.equals(proof.digest))
  return isProven ? { kind: 'yes', device: facts.device } : { kind: 'lost', facts }
}

/**
 * Looks whether a sent file may be removed: it is unchanged to the last byte, nobody writes it, and the receiver,
 * asked now, reads the same content back from its disk.
 * @param file a path that leads to it.
 * @throws what the system says of the file.
 */
export async function confirm(file: string, asked: Asked): Promise<Confirmed> {
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
