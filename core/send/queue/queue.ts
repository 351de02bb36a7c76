import type { LedgerGuard } from '../../ledger/health.ts'
import type { Ledger, QueuedFile } from '../../ledger/ledger.ts'
import type { SendSource } from '../transfer/contract.ts'
import type { DeferredFile, QueueFilter } from './filter.ts'
import { createPathLocks } from './path-locks.ts'
import { blockedMs } from './retry-policy.ts'

/** Rows that are taken from the ledger at a time, over all sources. */
const TAKE_FILES = 4096
const TAKE_LEAST = 64
/** Nothing is put off for longer: a person may ask for a lesser age meanwhile. */
const LOOK_AGAIN_MS = 10 * 60_000

export interface QueueHost {
  /** The destination's id. */
  destination: string
  ledger: Ledger
  guard: LedgerGuard
  retryMs: number
  /** When a file that keeps changing may go again; `now` for all others. */
  mayGoAt(due: QueuedFile, now: number): number
  /** How many sources take files. */
  sources(): number
  isAway(source: SendSource): boolean
  /** One file is tried at a time. */
  isInTrouble(): boolean
  /** Files wait no more, as they are left out now. */
  leftOut(): void
  changed(): void
  /** The source may have more to take: it is asked soon. */
  wake(source: string): void
}

/** The ledger's queue, and what is taken from it and not over yet: no row twice, and no two of one path at a time. */
export type Queue = ReturnType<typeof createQueue>

export function createQueue(host: QueueHost) {
  const { destination, guard, ledger, retryMs } = host
  const taken = new Set<number>()
  const paths = createPathLocks()

  /** Writes down what cannot go now, so that it is not found again before its time. */
  const putOff = (
    { id }: SendSource,
    leftOut: readonly QueuedFile[],
    later: readonly DeferredFile[],
    spaced: readonly DeferredFile[],
  ) => {
    guard.use(() => {
      const names = leftOut.map(({ path }) => path)
      if (names.length > 0 && ledger.withdraw(destination, id, names) > 0) host.leftOut()
      const latest = Date.now() + LOOK_AGAIN_MS
      for (const [at, some] of Map.groupBy(later, (one) => Math.min(one.at, latest)))
        ledger.retryLater(
          some.map(({ due }) => due),
          at,
          null,
        )
      for (const { due, at } of spaced) ledger.putOff(due, Math.min(at, latest))
    })
    host.changed()
    // More may be behind them.
    host.wake(id)
  }

  return {
    /** Files that may go now. */
    take(source: SendSource, filter: QueueFilter): QueuedFile[] | 'away' {
      const limit = Math.max(TAKE_LEAST, Math.floor(TAKE_FILES / Math.max(1, host.sources())))
      const now = Date.now()
      const found = guard.use(() => ledger.take(destination, source.id, limit, now, taken)) ?? []
      if (found.length > 0 && host.isAway(source)) return 'away'
      const { pass, leftOut, young: later } = filter(found, now)
      const go: QueuedFile[] = []
      const spaced: DeferredFile[] = []
      for (const due of pass) {
        const at = host.mayGoAt(due, now)
        if (at > now) spaced.push({ due, at })
        else if (paths.lock(due)) go.push(due)
        else later.push({ due, at: now + blockedMs(due, retryMs) })
      }
      for (const due of go) taken.add(due.id)
      if (go.length < found.length) putOff(source, leftOut, later, spaced)
      // The file that failed least often tries first: a large one for which there is no room must not be the only one
      // that is ever tried. Of those the smallest, which is the soonest known.
      if (host.isInTrouble()) go.sort((a, b) => a.attempts - b.attempts || a.size - b.size)
      return go
    },
    /** The ledger says what became of these files, or they were not begun. */
    over(files: readonly QueuedFile[]): void {
      for (const due of files) {
        taken.delete(due.id)
        paths.unlock(due)
      }
    },
  }
}
