import { randomBytes } from 'node:crypto'
import type { Removable } from '../../ledger/ledger.ts'
import { createHasher } from '../../platform/digest.ts'
import { lstatExactOrNull } from '../../platform/lstat-or-null.ts'
import type { StatFacts } from '../../platform/stat-facts.ts'
import { chunkBuffers } from '../../protocol/frame-buffers.ts'
import { NONCE_BYTES, type OutgoingSource, type Session } from '../destinations/destination.ts'
import type { Unsent } from '../reading/facts.ts'
import { openReading, type Reading } from '../reading/read.ts'
import { nameOf, within } from './within.ts'

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

export interface RemovalQuestion {
  due: Removable
  source: OutgoingSource
  session: Session
  /** What the destination answered when it had stored the file; null: nothing. */
  seal: Uint8Array | null
  mayGoOn(): boolean
  /** The source's disk is there; false: the device's number has to be the one that the ledger knows. */
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
  // Its facts do not say so, as after a write through mmap(2).
  if (!digest.equals(due.digest)) return { kind: 'changed', facts }
  // No word of the receiver is believed: only who holds the content can tell this digest.
  const proof = await session.prove(source, due.path, due.size, nonce, seal)
  // It may be this file alone: those behind it are asked for all the same.
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
 * Looks whether a sent file may be removed: it is unchanged to the last byte, nobody writes it, and the receiver,
 * asked now, reads the same content back from its disk.
 * @throws what the system says of the file, or of its directory.
 */
export async function confirm(asked: RemovalQuestion): Promise<Confirmed> {
  const { due, source } = asked
  const look = (directory: string) => lstatExactOrNull(`${directory}/${nameOf(due.path)}`)
  const stats = await within(source, due.path, look)
  if (stats === null) return { kind: 'absent' }
  // Opening would follow nothing, but a device would answer to it.
  if (!stats.isFile()) return { kind: 'not-now', why: 'it is no file any more' }
  const reading = await openReading({ root: source.path, path: due.path }, due)
  if ('kind' in reading) return unsent(reading)
  try {
    return await confirmOpen(reading, asked)
  } finally {
    await reading.close()
  }
}
