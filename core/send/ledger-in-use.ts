import type { LastTotals } from '../ledger/guard.ts'
import { openLastTotals } from '../ledger/guard.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { openOrExplain } from '../ledger/ledger.ts'
import type { Totals } from '../ledger/messages.ts'
import type { Message } from '../words/message.ts'
import { englishWords } from '../words/words.ts'
import type { LogLevel } from '../worker/definition.ts'

/** The ledger, which is the same for as long as this runs. */
export interface LedgerInUse {
  /** Null before the first configuration, and while none could be opened. */
  readonly open: Ledger | null
  /** Opens it if it is not open. */
  use(file: string): Ledger
  /** By source; of null, none. */
  totalsOf(destination: string | null): Record<string, Totals>
  /** What of some sources waits for a destination, and since when; see Ledger.oldestWaiting. */
  waiting(
    destination: string,
    sources: readonly string[],
  ): { waitingFiles: number; oldestWaitingAt: number | null }
  /** Why its totals could not be read just now, or null. */
  readonly problem: Message | null
  close(): void
}

export function holdLedger(log: (level: LogLevel, text: string) => void): LedgerInUse {
  let held: { open: Ledger; totals: LastTotals } | null = null
  return {
    get open() {
      return held?.open ?? null
    },
    use(file) {
      if (held !== null) return held.open
      const open = openOrExplain(file)
      if (open.notice !== null) log('warn', englishWords(open.notice))
      held = { open, totals: openLastTotals({ file, open }, log) }
      return open
    },
    totalsOf: (destination) => (destination === null || held === null ? {} : held.totals.of(destination)),
    waiting(destination, sources) {
      const totals = held?.totals.of(destination) ?? {}
      const waitingFiles = sources.reduce((sum, id) => sum + (totals[id]?.waitingFiles ?? 0), 0)
      const oldest = waitingFiles === 0 ? null : held?.totals.oldestWaiting(destination, sources)
      return { waitingFiles, oldestWaitingAt: oldest ?? null }
    },
    get problem() {
      return held?.totals.problem ?? null
    },
    close: () => held?.open.close(),
  }
}
