import { createNameFilter, leftOutBySize, oldEnoughAt } from '../../filter/exclusion-rules.ts'
import type { Ledger, LedgerGuard, QueuedFile } from '../../ledger/ledger.ts'
import type { SourceFilters } from '../../settings/schema.ts'
import type { SendSource } from '../transfer/attempt.ts'
import { getBlockedDelay } from './retry-policy.ts'

/** Rows that are taken from the ledger at a time, over all sources. */
const TAKE_FILES = 4096
const TAKE_LEAST = 64
/** The longest delay: the minimum age may be lowered meanwhile. */
const LOOK_AGAIN_MS = 10 * 60_000

interface QueueHost {
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
  isHeldBack(): boolean
  /** Files stopped waiting because they are excluded now. */
  leftOut(): void
  changed(): void
  /** Asks for another `take` soon: the source may have more files. */
  wake(source: string): void
}

/** A file that has to wait until `at`, in milliseconds since 1970. */
interface DeferredFile {
  due: QueuedFile
  at: number
}

/** Waiting files, sorted by the decision of the filters. */
interface Filtered {
  pass: QueuedFile[]
  leftOut: QueuedFile[]
  /** Files below the minimum age, with the time when they reach it. */
  young: DeferredFile[]
}

/** Sorts waiting files. `now` is in milliseconds since 1970. Pure. */
type QueueFilter = (files: QueuedFile[], now: number) => Filtered

type Named = Pick<QueuedFile, 'source' | 'path'>

export type Queue = ReturnType<typeof createQueue>

/** The ledger's queue and its rows under way: never the same row twice, nor two rows of one path at a time. */
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
    guard.write(() => {
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
      const found = guard.take(() => ledger.take(destination, source.id, limit, now, taken)) ?? []
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
      if (host.isHeldBack()) go.sort((a, b) => a.attempts - b.attempts || a.size - b.size)
      return go
    },
    /** Keeps a path from being sent until the returned function is called; null: it is being sent. */
    hold: (file: Named): (() => void) | null => (paths.lock(file) ? () => paths.unlock(file) : null),
    /** Releases files whose result is recorded in the ledger, or that were not started. */
    release(files: readonly QueuedFile[]): void {
      for (const due of files) {
        taken.delete(due.id)
        paths.unlock(due)
      }
    },
  }
}

/**
 * Applies a source's filters to files that already wait: the filters or the file may have changed since the scanner
 * offered it.
 */
export function createQueueFilter(filters: SourceFilters | undefined): QueueFilter {
  if (filters === undefined) return (files) => ({ pass: files, leftOut: [], young: [] })
  const { ignore, hidden, minimumAgeSeconds } = filters
  const names = createNameFilter({
    ignore,
    withoutHidden: hidden === 'leave-out',
    withTemporary: true,
    marks: [],
  })
  const isLeftOut = ({ path, size }: QueuedFile) =>
    leftOutBySize(filters, size) !== null || names.fileBelow(path) !== null
  return (files, now) => {
    const filtered: Filtered = { pass: [], leftOut: [], young: [] }
    for (const due of files) {
      const oldEnough = oldEnoughAt(minimumAgeSeconds, due, now)
      if (isLeftOut(due)) filtered.leftOut.push(due)
      else if (oldEnough <= now) filtered.pass.push(due)
      // Rounded up to a whole second, so that files are taken together.
      else filtered.young.push({ due, at: Math.ceil(oldEnough / 1000) * 1000 })
    }
    return filtered
  }
}

/**
 * Prevents sending two files at the same time if the path of one is a parent of the other's. Both exist if a file
 * became a directory, or a directory a file; the receiver could then mistake the older one for the newer.
 */
export function createPathLocks() {
  const files = new Set<string>()
  /** The number of locked files below each directory. */
  const below = new Map<string, number>()
  const getPlaces = ({ source, path }: Named) => {
    const toKey = (one: string) => `${source}\0${one}`
    return { file: toKey(path), above: directoriesAbove(path).map(toKey) }
  }
  return {
    /** Returns false if another file is in the way. */
    lock(due: Named): boolean {
      const { file, above } = getPlaces(due)
      // The same path can be locked already: its row was withdrawn during the transfer, and offered again.
      if (files.has(file) || below.has(file) || above.some((one) => files.has(one))) return false
      files.add(file)
      for (const one of above) below.set(one, (below.get(one) ?? 0) + 1)
      return true
    },
    unlock(due: Named): void {
      const { file, above } = getPlaces(due)
      if (!files.delete(file)) return
      for (const one of above) {
        const left = (below.get(one) ?? 0) - 1
        if (left > 0) below.set(one, left)
        else below.delete(one)
      }
    },
  }
}

/** Returns every directory above a path, without the source's own. */
function directoriesAbove(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}
