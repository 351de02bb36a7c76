import type { Message } from '../../words/message.ts'
import type { Checked, HistoryAnswer, HistoryQuestion, VerdictKind } from '../messages.ts'

/** What the history keeps of a check. */
export type KeptCheck = Pick<Checked, 'id' | 'at' | 'delayMs'> & { kind: VerdictKind }

/** What the checker says to the thread that keeps its history; the database's file is the thread's workerData. */
export type ToHistoryThread =
  | { type: 'write'; checks: readonly KeptCheck[] }
  | { type: 'ask'; number: number; question: HistoryQuestion }
  | { type: 'stop' }

export type FromHistoryThread =
  /** The batch is stored (null), or is lost for this reason. */
  | { type: 'written'; failure: string | null }
  /** null: the database cannot answer. */
  | { type: 'answer'; number: number; answer: HistoryAnswer | null }
  | { type: 'notice'; notice: Message }
