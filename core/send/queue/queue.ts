import type { LedgerGuard } from '../../ledger/health.ts'
import type { Ledger, QueuedFile } from '../../ledger/ledger.ts'
import type { SendSource } from '../transfer/contract.ts'
import type { DeferredFile, QueueFilter } from './filter.ts'
import { createPathLocks } from './path-locks.ts'
import { getBlockedDelay } from './retry-policy.ts'

/** Rows that are taken from the ledger at a time, over all sources. */
const TAKE_FILES = 4096
const TAKE_LEAST = 64
/** The longest delay: the minimum age may be lowered meanwhile. */
const LOOK_AGAIN_MS = 10 * 60_000

export interface QueueHost {
  /** The destination's id. */
  destination: string
  ledger: Ledger
  guard: LedgerGuard
  retryMs: number
  /** Returns when a file that keeps changing may go again; `now` for all others. */
  mayGoAt(due: QueuedFile, now: number): number
  /** Returns how many sources take files. */
  sources(): number
  isAway(source: SendSource): boolean
  /** True after a failure, when one file is tried at a time. */
  isInTrouble(): boolean
  /** Files stopped waiting because they are excluded now. */
  leftOut(): void
  changed(): void
  /** Asks for another `take` soon: the source may have more files. */
  wake(source: string): void
}

/** The ledger's queue and its rows under way: never the same row twice, nor two rows of one path at a time. */
export type Queue = ReturnType<typeof createQueue>

export function createQueue(host: QueueHost) {
  const { destination, guard, ledger, retryMs } = host
  const taken = new Set<number>()
  const paths = createPathLocks()

  /** Records in the ledger which files cannot go now, so that `take` skips them until their time. */
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
    // More rows may be behind these.
    host.wake(id)
  }

  return {
    /** Returns files that may go now. */
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
        else later.push({ due, at: now + getBlockedDelay(due, retryMs) })
      }
      for (const due of go) taken.add(due.id)
      if (go.length < found.length) putOff(source, leftOut, later, spaced)
      // After a failure the file with the fewest failed attempts goes first, so that a large one without room is not
      // tried every time. Among equals the smallest goes first: its result comes soonest.
      if (host.isInTrouble()) go.sort((a, b) => a.attempts - b.attempts || a.size - b.size)
      return go
    },
    /** Releases files whose result is recorded in the ledger, or that were not started. */
    release(files: readonly QueuedFile[]): void {
      for (const due of files) {
        taken.delete(due.id)
        paths.unlock(due)
      }
    },
  }
}
