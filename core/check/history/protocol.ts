import type { Checked, HistoryAnswer, HistoryQuestion, VerdictKind } from '../messages.ts'

/** What the history keeps of a check. */
export type KeptCheck = Pick<Checked, 'id' | 'at' | 'delayMs'> & { kind: VerdictKind }

/** What the thread that keeps the history can be asked; its news are sentences (Message). */
export interface HistoryCalls {
  write: { input: readonly KeptCheck[]; output: null }
  ask: { input: HistoryQuestion; output: HistoryAnswer }
}
