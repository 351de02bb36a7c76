import type { BigIntStats } from 'node:fs'
import { type FileStat, sameFile, toFileStat } from '../../platform/stat-facts.ts'
import { errorCode } from '../../platform/system-error.ts'

// The reading threads load this module: keep it small.

/** The reason why a file is not sent now. */
export type Unsent =
  /** The file differs from what was offered; `facts` are its current ones. */
  | { kind: 'changed'; facts: FileStat }
  /** The name does not exist, or is not a file. */
  | { kind: 'vanished' }
  /** Reading is not permitted. */
  | { kind: 'unreadable'; code: string }
  /** Reading failed. */
  | { kind: 'failed'; code: string }

export function unsentBecause(error: unknown): Unsent {
  const code = errorCode(error) ?? String(error)
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ELOOP':
    case 'EISDIR':
    case 'ENXIO':
    case 'EXDEV': // a link leads out of the source
    case 'ESPIPE': // a FIFO has no positions
      return { kind: 'vanished' }
    case 'EACCES':
    case 'EPERM':
      return { kind: 'unreadable', code }
    default:
      return { kind: 'failed', code }
  }
}

/** Compares the stat after the last byte with the offered facts: returns null if they agree, else the difference. */
export function judgeRead(stats: BigIntStats, length: number, offered: FileStat): Unsent | null {
  if (!stats.isFile()) return { kind: 'vanished' }
  const facts = toFileStat(stats)
  return length !== offered.size || !sameFile(facts, offered) ? { kind: 'changed', facts } : null
}
