import { fillRoutes, forgetAll, retryUntilDone } from '../ledger/background-jobs.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { type Config, getKnownSourceIds, newWays } from './config.ts'

/** The access that background work needs to the state of the sender. */
export interface BackgroundHost {
  /** The current configuration; null after the sender was stopped. */
  config(): Config | null
  /** The ledger has changed. */
  changed(): void
  /** Files became waiting. */
  arrived(): void
  failed(text: string): void
  signal: AbortSignal
}

/** Runs ledger work behind the transfer and retries each job until it succeeds. */
export function openBackground(host: BackgroundHost) {
  const run = (what: string, work: () => Promise<void>): void => {
    void retryUntilDone(work, {
      isWanted: () => host.config() !== null,
      failed: (error) => host.failed(`${what}: ${String(error)}`),
      longestMs: (host.config()?.retrySeconds ?? 1) * 1000,
      signal: host.signal,
    }).then(host.changed)
  }

  return {
    /** Deletes the ledger's rows of a source that was removed. */
    forget(ledger: Ledger, source: string): void {
      // If the source is added again meanwhile, the remaining rows stay: its files are offered again already.
      const isGone = () => {
        const config = host.config()
        return config !== null && !getKnownSourceIds(config).includes(source)
      }
      run(`forgetting ${source}`, () => forgetAll(ledger, source, isGone))
    },
    /** Adds the files that other destinations have of newly assigned sources. `before` null: of every source. */
    bringIn(ledger: Ledger, before: Config | null, next: Config, destination: string): void {
      const isWanted = (source: string) => {
        const config = host.config()
        return config?.destination?.id === destination && config.sources.some(({ id }) => id === source)
      }
      const ways = newWays(before, next, destination)
      if (ways.length === 0) return
      run('what other destinations had', () => fillRoutes(ledger, ways, isWanted, host.arrived))
    },
  }
}
