import { defer } from '../../defer.ts'
import { attempt, type Ledger } from '../../ledger/ledger.ts'
import { throttle } from '../../lib/async/timing.ts'
import type { Source } from '../../settings/schema.ts'
import type { ScannedFile } from '../../walk/scanned-file.ts'
import type { Scanned } from '../scanner-messages.ts'

/** Only deletions within this time count together. */
const COUNTED_MS = 60 * 60_000
/** From this number of files, if they are at least this share of the sent files, a person is notified. */
const SUDDEN = { files: 10, share: 0.2 }
/** Deletions are collected for this long before the decision: a renamed file has its new name by then. */
const DECIDE_AFTER_MS = 2_000
/** Files that are back are subtracted after this time. */
const RETURNED_AFTER_MS = 500
/** Interval between two counts of recent deletions, which get older. */
const COUNT_EVERY_MS = 5 * 60_000

/** Counts a source's recent deletions, and decides whether a person is notified of them. */
export type Deletions = ReturnType<typeof openDeletions>

interface DeletionsOptions {
  source: Pick<Source, 'id' | 'kind'>
  ledger: Ledger
  destinations: readonly string[]
  quietSeconds: number
  /** Returns true while the system reports changes of the source at once. */
  isWatched(): boolean
  changed(): void
  /** Called when renamed files no longer count as deleted, which changes the senders' totals. */
  offered(): void
  failed(thrown: unknown): void
}

export function openDeletions({
  source: { id, kind },
  ledger,
  destinations,
  quietSeconds,
  isWatched,
  changed,
  offered,
  failed,
}: DeletionsOptions) {
  let current: Scanned['deleted']
  let hasReturned = false
  /** For each lookup under way, the paths that were found since it began. */
  const lookups = new Set<Set<string>>()
  const count = (from: number) => {
    const corrected = destinations.map((one) => ledger.correctRenamed(one, id, from))
    if (Math.max(0, ...corrected) > 0) {
      offered()
      // A query looks up a bounded number of files.
      decideLater()
    }
    const most = (of: (destination: string) => number) => Math.max(0, ...destinations.map(of))
    return {
      deleted: most((one) => ledger.countDeleted(one, id, from)),
      here: most((one) => ledger.totals(one)[id]?.sentFiles ?? 0),
    }
  }
  const decide = (isReturn = false) => {
    const now = Date.now()
    const before = ledger.deletion(id) ?? { from: 0, since: null, known: 0 }
    const from = before.since === null ? Math.max(before.from, now - COUNTED_MS) : before.from
    const { deleted, here } = count(from)
    // Further deletions may be renamed files whose new names are not found yet.
    if (isReturn && deleted > (current?.files ?? 0)) return
    const known = before.since === null ? here + deleted : before.known
    // Producers and clean-up jobs delete batch directories that were sent.
    const isNamed = kind !== 'batch' && deleted > 0
    const isSudden = before.since !== null || isSuddenDeletion({ deleted, known })
    const since = isNamed && isSudden ? (before.since ?? now) : null
    if (since !== before.since) ledger.rememberDeletion(id, { from, since, known })
    const next = isNamed ? { since, files: deleted, known: Math.max(known, deleted) } : null
    if (isNamed) countAgain()
    if (JSON.stringify(next) === JSON.stringify(current)) return
    // The source and its destinations are the same as at the last count, so the files themselves are back.
    hasReturned = next === null && current?.since != null
    current = next
    changed()
  }
  const tryToDecide = (isReturn = false) =>
    attempt(
      () => decide(isReturn),
      undefined,
      (thrown) => {
        failed(thrown)
        late()
      },
    )
  const soon = throttle(DECIDE_AFTER_MS, tryToDecide)
  const returned = throttle(RETURNED_AFTER_MS, () => tryToDecide(true))
  // Where the system reports no changes, a renamed file is found under its new name after the quiet period.
  const late: ReturnType<typeof throttle> = throttle(DECIDE_AFTER_MS + 2_000 * quietSeconds, tryToDecide)
  const decideLater = () => (isWatched() ? soon() : late())
  const countAgain: ReturnType<typeof throttle> = throttle(COUNT_EVERY_MS, tryToDecide)
  attempt(decide, undefined, failed)

  return {
    /** Returns the recent deletions; null: none; undefined: not known yet. */
    get current() {
      return current
    },
    /** True if all files are back whose deletion a person was notified of; false: not, or unknown. */
    get returned() {
      return hasReturned
    },
    /** Files were deleted. */
    noticed: decideLater,
    /** Files were found at the source. */
    found(files: readonly Pick<ScannedFile, 'path'>[]) {
      for (const since of lookups) for (const { path } of files) since.add(path)
    },
    /**
     * Makes a lookup of paths, and records its result. `isBack` is true for a file that was found since the lookup
     * began: what the lookup saw of it may be out of date.
     */
    async whileLookingUp(lookUp: (isBack: (path: string) => boolean) => Promise<void>) {
      const since = new Set<string>()
      lookups.add(since)
      using _ = defer(() => lookups.delete(since))
      await lookUp((path) => since.has(path))
    },
    /** Files were offered or sent: deleted ones may be back, or turn out to be renamed. */
    mayHaveReturned() {
      if (current != null) returned()
    },
    /** A person has deleted the files on purpose. Throws the ledger's errors. */
    accept() {
      ledger.rememberDeletion(id, { from: Date.now() + 1, since: null, known: 0 })
      hasReturned = false
      current = null
      changed()
    },
    stop() {
      soon.stop()
      returned.stop()
      late.stop()
      countAgain.stop()
    },
  }
}

/** True if so many of the known files were deleted that a person is notified. */
const isSuddenDeletion = ({ deleted, known }: { deleted: number; known: number }): boolean =>
  deleted >= SUDDEN.files && deleted >= known * SUDDEN.share
