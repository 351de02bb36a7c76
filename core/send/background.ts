import { bringIn, forgetAll, untilDone } from '../ledger/background-jobs.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { type Config, knownOf, newWays } from './config.ts'

/** What the sender's work behind the transfer needs to know. */
export interface BackgroundHost {
  /** The configuration that holds now; null: the sender is stopped. */
  config(): Config | null
  /** Something of the ledger has changed. */
  changed(): void
  /** Files became waiting. */
  arrived(): void
  failed(text: string): void
  signal: AbortSignal
}

/** What is done to the ledger behind the transfer, and tried again until it is done. */
export function openBackground(host: BackgroundHost) {
  const run = (what: string, work: () => Promise<void>): void => {
    void untilDone(work, {
      isWanted: () => host.config() !== null,
      failed: (error) => host.failed(`${what}: ${String(error)}`),
      longestMs: (host.config()?.retrySeconds ?? 1) * 1000,
      signal: host.signal,
    }).then(host.changed)
  }

  return {
    /** A source was removed: what is known of it goes. */
    forget(ledger: Ledger, source: string): void {
      // Added again meanwhile, it keeps what is left: files that are offered now are not forgotten.
      const isGone = () => {
        const config = host.config()
        return config !== null && !knownOf(config).includes(source)
      }
      run(`forgetting ${source}`, () => forgetAll(ledger, source, isGone))
    },
    /** A source goes to this destination now: it gets what others have of it. `before`: null for all of them. */
    bringIn(ledger: Ledger, before: Config | null, next: Config, destination: string): void {
      const isWanted = (source: string) => {
        const config = host.config()
        return config?.destination?.id === destination && config.sources.some(({ id }) => id === source)
      }
      const ways = newWays(before, next, destination)
      if (ways.length === 0) return
      run('what other destinations had', () => bringIn(ledger, ways, isWanted, host.arrived))
    },
  }
}
