import type { LastTotals } from '../ledger/guard.ts'
import { openLastTotals } from '../ledger/guard.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { openOrExplain } from '../ledger/ledger.ts'
import type { Totals } from '../ledger/messages.ts'
import { englishWords } from '../words/words.ts'
import type { LogLevel } from '../worker/definition.ts'

/** The ledger, which is the same for as long as this runs. */
export function holdLedger(log: (level: LogLevel, text: string) => void) {
  let held: { open: Ledger; totals: LastTotals } | null = null
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
      held = { open, totals: openLastTotals({ file, open }, log) }
      return open
    },
    /** By source; of null, none. */
    totalsOf: (destination: string | null): Record<string, Totals> =>
      destination === null || held === null ? {} : held.totals.of(destination),
    /** What of some sources waits for a destination, and since when; see Ledger.oldestWaiting. */
    waiting(destination: string, sources: readonly string[]) {
      const totals = held?.totals.of(destination) ?? {}
      const waitingFiles = sources.reduce((sum, id) => sum + (totals[id]?.waitingFiles ?? 0), 0)
      const oldest = waitingFiles === 0 ? null : held?.totals.oldestWaiting(destination, sources)
      return { waitingFiles, oldestWaitingAt: oldest ?? null }
    },
    /** Why its totals could not be read just now, or null. */
    get problem() {
      return held?.totals.problem ?? null
    },
    close: () => held?.open.close(),
  }
}
