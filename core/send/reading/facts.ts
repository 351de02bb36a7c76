import type { BigIntStats } from 'node:fs'
import { type StatFacts, sameFile, statFactsOf } from '../../platform/stat-facts.ts'
import { errorCode } from '../../platform/system-error.ts'

// The reading threads load this module: it has to be small.

/** Why a file is not sent now. */
export type Unsent =
  /** It is not what was offered any more; these are its facts now. */
  | { kind: 'changed'; facts: StatFacts }
  /** No file of this name is there, or something else than a file. */
  | { kind: 'vanished' }
  /** It may not be read. */
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
export function judgeRead(stats: BigIntStats, length: number, offered: StatFacts): Unsent | null {
  if (!stats.isFile()) return { kind: 'vanished' }
  const facts = statFactsOf(stats)
  return length !== offered.size || !sameFile(facts, offered) ? { kind: 'changed', facts } : null
}
