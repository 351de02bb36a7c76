import type { Message } from '../words/message.ts'
import { createLedgerGuard } from './guard.ts'
import type { Ledger } from './ledger.ts'
import type { Totals } from './messages.ts'

/** The totals of one destination at a time: while the ledger cannot be read they stay what they were. */
export interface LastTotals {
  of(destination: string): Record<string, Totals>
  /** See Ledger.oldestWaiting; null also while the ledger cannot be read. */
  oldestWaiting(destination: string, sources: readonly string[]): number | null
  /** Why they could not be read, or null. */
  readonly problem: Message | null
}

/** @param log is told once, however long the ledger fails. */
export function openLastTotals(
  { file, open }: { file: string; open: Pick<Ledger, 'totals' | 'oldestWaiting'> },
  log: (level: 'error', text: string) => void,
): LastTotals {
  const guard = createLedgerGuard(file, { onChange: () => undefined, log })
  let last: { destination: string; totals: Record<string, Totals> } | null = null
  return {
    of(destination) {
      const read = guard.isRested ? guard.use(() => open.totals(destination)) : null
      if (read !== null) last = { destination, totals: read }
      return last?.destination === destination ? last.totals : {}
    },
    oldestWaiting: (destination, sources) =>
      guard.isRested ? guard.use(() => open.oldestWaiting(destination, sources)) : null,
    get problem() {
      return guard.problem
    },
  }
}
