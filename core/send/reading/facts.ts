import type { BigIntStats } from 'node:fs'
import { errorCode } from '../../files/system-error.ts'

// The reading threads load this module: it has to be small.

/** What tells whether a file is still the one that was offered. */
export interface Facts {
  size: number
  mtimeNs: bigint
  /** Last change of the inode: content, mode, owner or name. */
  ctimeNs: bigint
  inode: bigint
  device: bigint
}

/** Times are kept in 64 bits, as the ledger does: beyond the year 2262 they only tell one content from another. */
const inWord = (time: bigint): bigint => BigInt.asIntN(64, time)

export function factsOf(stats: BigIntStats): Facts {
  const { mtimeNs, ctimeNs, ino: inode, dev: device } = stats
  return { size: Number(stats.size), mtimeNs: inWord(mtimeNs), ctimeNs: inWord(ctimeNs), inode, device }
}

/**
 * Whether size, time of modification and inode are the same: so it is most probably the same content. The device is
 * not compared: its number may change when a disk is mounted again.
 */
export function sameContent(a: Facts, b: Facts): boolean {
  return a.size === b.size && a.inode === b.inode && a.mtimeNs === b.mtimeNs
}

/** Whether nothing at all has changed since: not even a content whose time was put back. */
export function sameFile(a: Facts, b: Facts): boolean {
  return sameContent(a, b) && a.ctimeNs === b.ctimeNs
}

/** Why a file is not sent now. */
export type Unsent =
  /** It is not what was offered any more; these are its facts now. */
  | { kind: 'changed'; facts: Facts }
  /** No file of this name is there, or something else than a file. */
  | { kind: 'vanished' }
  /** It may not be read. */
  | { kind: 'unreadable'; code: string }
  /** Reading failed. */
  | { kind: 'failed'; code: string }

export function unsentBecause(thrown: unknown): Unsent {
  const code = errorCode(thrown) ?? String(thrown)
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ELOOP':
    case 'EISDIR':
    case 'ENXIO':
    case 'EXDEV': // it leads out of the source
    case 'ESPIPE': // a FIFO has no positions
      return { kind: 'vanished' }
    case 'EACCES':
    case 'EPERM':
      return { kind: 'unreadable', code }
    default:
      return { kind: 'failed', code }
  }
}

/** Judges what was read by the stat after the last byte: null, or why it is not what was offered. */
export function judgeRead(stats: BigIntStats, length: number, offered: Facts): Unsent | null {
  if (!stats.isFile()) return { kind: 'vanished' }
  const facts = factsOf(stats)
  return length !== offered.size || !sameFile(facts, offered) ? { kind: 'changed', facts } : null
}
