import { createLedgerGuard, type LedgerGuard } from '../ledger/health.ts'
import { type Ledger, openOrExplain } from '../ledger/ledger.ts'
import type { Totals } from '../ledger/ledger-messages.ts'
import { englishWords } from '../lib/i18n/words.ts'
import type { LogLevel } from '../lib/workers/definition.ts'

/** The ledger, which is the same for as long as this runs. */
export function holdLedger(log: (level: LogLevel, text: string) => void) {
  let held: { open: Ledger; guard: LedgerGuard } | null = null
  /** While the ledger cannot be read, the totals stay what they were. */
  let last: { destination: string; totals: Record<string, Totals> } | null = null
  const totalsOf = (destination: string): Record<string, Totals> => {
    const read = held?.guard.use(() => held?.open.totals(destination))
    if (read != null) last = { destination, totals: read }
    return last?.destination === destination ? last.totals : {}
  }
  return {
    /** Null before the first configuration, and while none could be opened. */
    get open() {
      return held?.open ?? null
    },
    /** Opens it if it is not open. */
    use(file: string): Ledger {
      if (held !== null) return held.open
      const open = openOrExplain(file)
      if (open.notice !== null) log('warn', englishWords(open.notice))
      held = { open, guard: createLedgerGuard(file, { onChange: () => undefined, log }) }
      return open
    },
    /** By source; of null, none. */
    totalsOf: (destination: string | null) => (destination === null ? {} : totalsOf(destination)),
    /** What of some sources waits for a destination, and since when; see Ledger.oldestWaiting. */
    waiting(destination: string, sources: readonly string[]) {
      const totals = totalsOf(destination)
      const waitingFiles = sources.reduce((sum, id) => sum + (totals[id]?.waitingFiles ?? 0), 0)
      const oldest = held?.guard.use(() => held?.open.oldestWaiting(destination, sources))
      return { waitingFiles, oldestWaitingAt: oldest ?? null }
    },
    /** Why it could not be read just now, or null. */
    get problem() {
      return held?.guard.problem ?? null
    },
    close: () => held?.open.close(),
  }
}
