import { randomBytes } from 'node:crypto'
import type { Removable } from '../../ledger/ledger.ts'
import { createHasher } from '../../platform/digest.ts'
import { lstatExactOrNull } from '../../platform/lstat-or-null.ts'
import type { FileStat } from '../../platform/stat-facts.ts'
import { chunkBuffers } from '../../protocol/frame-buffers.ts'
import { NONCE_BYTES, type OutgoingSource, type Session } from '../destinations/destination.ts'
import type { Unsent } from '../reading/facts.ts'
import { openReading, type Reading } from '../reading/read.ts'
import { getName, withDirectory } from './within.ts'

/** The result of the last check before a removal. */
export type Confirmed =
  /** The receiver has just proven that it holds this very content. `device`: the file's device. */
  | { kind: 'yes'; device: bigint }
  /** The file was replaced or its content changed: the current content has to be sent. */
  | { kind: 'changed'; facts: FileStat }
  /** The receiver no longer has this content: the file has to be sent again. */
  | { kind: 'lost'; facts: FileStat }
  | { kind: 'absent' }
  /** Removal is not possible now, for example because a program has the file open; the file stays. */
  | { kind: 'not-now'; why: string }
  /** The session was closed or the rule was withdrawn: no further file needs a check now. */
  | { kind: 'stop' }

export interface RemovalQuestion {
  due: Removable
  source: OutgoingSource
  session: Session
  /** The destination's answer when it had stored the file; null: it gave none. */
  seal: Uint8Array | null
  mayGoOn(): boolean
  /** True if the source's disk is mounted; false: the device number must equal the ledger's. */
  isHome: boolean
}

async function confirmOpen(reading: Reading, asked: RemovalQuestion): Promise<Confirmed> {
  const { due, isHome, mayGoOn, seal, session, source } = asked
  const facts = reading.stat
  if (!isHome && facts.device !== due.device) return { kind: 'not-now', why: 'it is on another disk' }
  const writer = reading.hasWriter()
  if (writer === 'yes') return { kind: 'not-now', why: 'a program has it open for writing' }
  if (writer === 'unknown')
    return { kind: 'not-now', why: 'the system does not tell whether a program is writing it' }
  const nonce = randomBytes(NONCE_BYTES)
  const behind = createHasher()
  behind.update(nonce)
  for (let bytes = await reading.next(); bytes !== null; bytes = await reading.next()) {
    behind.update(bytes)
    chunkBuffers.give(bytes)
    if (!mayGoOn()) return { kind: 'stop' }
  }
  const digest = await reading.finish()
  if (!Buffer.isBuffer(digest)) return unsent(digest)
  // Metadata can stay the same although the content changed, as after a write through mmap(2).
  if (!digest.equals(due.digest)) return { kind: 'changed', facts }
  // The receiver's word is not trusted: only a holder of the content can compute this digest.
  const proof = await session.prove(source, due.path, due.size, nonce, seal)
  // The failure may concern this file alone, so the files behind it are still checked.
  if (proof.kind === 'unavailable')
    return mayGoOn()
      ? { kind: 'not-now', why: 'the destination cannot prove now that it has it' }
      : { kind: 'stop' }
  const isProven =
    proof.kind === 'sealed' || (proof.kind === 'digest' && behind.digest().equals(proof.digest))
  return isProven ? { kind: 'yes', device: facts.device } : { kind: 'lost', facts }
}

const unsent = (found: Unsent): Confirmed =>
  found.kind === 'changed' ? found : { kind: 'not-now', why: 'code' in found ? found.code : found.kind }

/**
 * Checks that a sent file may be removed: its content is unchanged to the last byte, no process writes it, and the
 * receiver, on request, reads the same content back from its disk.
 * @throws the system error of the file or its directory.
 */
export async function confirm(asked: RemovalQuestion): Promise<Confirmed> {
  const { due, source } = asked
  const look = (directory: string) => lstatExactOrNull(`${directory}/${getName(due.path)}`)
  const stats = await withDirectory(source, due.path, look)
  if (stats === null) return { kind: 'absent' }
  // Opening follows no link, but opening a device can have side effects.
  if (!stats.isFile()) return { kind: 'not-now', why: 'it is no file any more' }
  const reading = await openReading({ root: source.path, path: due.path }, due)
  if ('kind' in reading) return unsent(reading)
  try {
    return await confirmOpen(reading, asked)
  } finally {
    await reading.close()
  }
}
