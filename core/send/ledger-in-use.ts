import { createLedgerGuard, type LedgerGuard } from '../ledger/health.ts'
import { type Ledger, openOrExplain } from '../ledger/ledger.ts'
import type { Totals } from '../ledger/ledger-messages.ts'
import { englishWords } from '../lib/i18n/words.ts'
import type { LogLevel } from '../lib/workers/definition.ts'

/** Holds the ledger, which stays open as long as the sender runs. */
export function holdLedger(log: (level: LogLevel, text: string) => void) {
  let held: { open: Ledger; guard: LedgerGuard } | null = null
  /** The last totals that could be read; used while the ledger is unreadable. */
  let last: { destination: string; totals: Record<string, Totals> } | null = null
  const readTotals = (destination: string): Record<string, Totals> => {
    const read = held?.guard.use(() => held?.open.totals(destination))
    if (read != null) last = { destination, totals: read }
    return last?.destination === destination ? last.totals : {}
  }
  return {
    /** Null before the first configuration, and if the ledger could not be opened. */
    get open() {
      return held?.open ?? null
    },
    /** Opens the ledger unless it is open. */
    use(file: string): Ledger {
      if (held !== null) return held.open
      const open = openOrExplain(file)
      if (open.notice !== null) log('warn', englishWords(open.notice))
      held = { open, guard: createLedgerGuard(file, { onChange: () => undefined, log }) }
      return open
    },
    /** Totals by source; empty for null. */
    getTotals: (destination: string | null) => (destination === null ? {} : readTotals(destination)),
    /** Returns how many files of these sources wait for a destination, and since when; see Ledger.oldestWaiting. */
    waiting(destination: string, sources: readonly string[]) {
      const totals = readTotals(destination)
      const waitingFiles = sources.reduce((sum, id) => sum + (totals[id]?.waitingFiles ?? 0), 0)
      const oldest = held?.guard.use(() => held?.open.oldestWaiting(destination, sources))
      return { waitingFiles, oldestWaitingAt: oldest ?? null }
    },
    /** The reason why the last read of the ledger failed, or null. */
    get problem() {
      return held?.guard.problem ?? null
    },
    close: () => held?.open.close(),
  }
}
