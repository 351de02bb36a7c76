import type { BigIntStats } from 'node:fs'
import { constants } from 'node:fs'
import type { Facts } from './facts.ts'
import { factsOf, sameFile } from './facts.ts'

// The reading threads load this module: it has to be small.

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

/** A symbolic link or a FIFO that took the file's place is noticed, not followed or waited for. */
export const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** The name of the system's error, or what else is known of it. */
export function codeOf(thrown: unknown): string {
  const code: unknown = thrown instanceof Error && 'code' in thrown ? thrown.code : null
  return typeof code === 'string' ? code : String(thrown)
}

export function unsentBecause(thrown: unknown): Unsent {
  const code = codeOf(thrown)
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ELOOP':
    case 'EISDIR':
    case 'ENXIO':
    case 'ESPIPE': // a FIFO has no positions
      return { kind: 'vanished' }
    case 'EACCES':
    case 'EPERM':
      return { kind: 'unreadable', code }
    default:
      return { kind: 'failed', code }
  }
}

export const modeOf = (mode: bigint): number => Number(mode & 0o777n)

/** Judges what was read by the stat after the last byte: the content's mode, or why it is none. */
export function judgeRead(stats: BigIntStats, length: number, offered: Facts): { mode: number } | Unsent {
  if (!stats.isFile()) return { kind: 'vanished' }
  const facts = factsOf(stats)
  if (length !== offered.size || !sameFile(facts, offered)) return { kind: 'changed', facts }
  return { mode: modeOf(stats.mode) }
}
