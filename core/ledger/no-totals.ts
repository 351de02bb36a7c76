import type { Totals } from './messages.ts'

/** The totals of a source with no file. */
export const noTotals: Readonly<Totals> = {
  waitingFiles: 0,
  waitingBytes: 0,
  sentFiles: 0,
  sentBytes: 0,
  parkedFiles: 0,
}
