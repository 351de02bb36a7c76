import type { Message } from '../../words/message.ts'
import type { HistoryAnswer, HistoryQuestion } from '../messages.ts'
import type { Columns } from './packing.ts'

/** What the checker says to the thread that keeps its history. Paths are numbered in the order of their names. */
export type ToHistoryThread =
  | { type: 'open'; file: string }
  /** `names`: the ids of the paths that are new since the last batch. */
  | { type: 'write'; names: string[]; checks: Columns }
  | { type: 'ask'; number: number; question: HistoryQuestion }
  | { type: 'stop' }

export type FromHistoryThread =
  /** The batch is kept (null), or is lost for this reason. */
  | { type: 'written'; failure: string | null }
  | { type: 'answer'; number: number; answer: HistoryAnswer }
  | { type: 'refused'; number: number; reason: string }
  | { type: 'notice'; notice: Message }
