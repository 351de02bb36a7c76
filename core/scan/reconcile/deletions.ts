import { lstat, readdir } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { ignoreError } from '../../dropped-errors.ts'
import { toPathRange } from '../../ledger/database.ts'
import { attempt, type Ledger } from '../../ledger/ledger.ts'
import { isBelowAway } from '../../ledger/mount-presence.ts'
import { throttle } from '../../lib/async/timing.ts'
import { lstatExactOrNull } from '../../platform/files.ts'
import { isWithin, type Mount, readMounts } from '../../platform/mounts.ts'
import { holdDirectory } from '../../platform/openat2.ts'
import type { Source } from '../../settings/schema.ts'
import { callInTime } from '../../walk/call-in-time.ts'
import { absolutePath, joinRelative, type ScannedFile, splitPath } from '../../walk/scanned-file.ts'
import { callOn, findDiskRoot } from '../../walk/walk.ts'
import type { Scanned } from '../scanner-messages.ts'
import type { SessionContext } from '../source-session.ts'

// Finds files of the ledger that are gone at the source. The watcher names paths that were deleted or moved away (settleGone); a
// comparison of the ledger's rows with the tree finds the others (sweepDeleted). A path counts as gone only if the
// system says so while the source's disk is there: a path that cannot be read is not deleted. If a large share of the
// files is deleted within an hour, a person is notified (openDeletions). Nothing is held back.

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

/** Ledger rows that are read together; the event loop turns between two pages. */
const PAGE = 500
/** Paths that are looked up at the same time. */
const AT_ONCE = 8
/** Paths that are looked up before their rows are changed. */
const CHUNK = 256
/** Time limit for an answer of a disk inside the source. */
const PATIENCE_MS = 30_000

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
      try {
        await lookUp((path) => since.has(path))
      } finally {
        lookups.delete(since)
      }
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

/** Records which of these paths, files or directories, are gone with everything below. */
export async function settleGone(context: SessionContext, paths: readonly string[]): Promise<void> {
  const { ledger, source, destinations, signal, deletions, offered, ledgerFailed } = context
  let changes = 0
  try {
    const known = outermost(paths).filter((path) =>
      destinations.some((one) => ledger.isPresent(one, source.id, path)),
    )
    while (known.length > 0 && !signal.aborted) {
      const chunk = known.splice(0, CHUNK)
      const again = new Set<string>()
      await deletions.whileLookingUp(async (isBack) => {
        const isOutdated = (path: string) => {
          if (isBack(path)) again.add(path)
          return again.has(path)
        }
        const gone = await findGone(context, chunk)
        for (const destination of destinations) {
          if (signal.aborted) break
          changes += markGone(context, destination, gone, isOutdated)
          for (const path of gone) changes += await markBelow(context, destination, path, isOutdated)
        }
      })
      // A file may have been found before it was deleted, and reported during the lookup.
      known.push(...again)
    }
  } catch (error) {
    if (!signal.aborted) ledgerFailed(error)
  }
  if (changes === 0 || signal.aborted) return
  deletions.noticed()
  // The senders' totals have changed.
  offered()
}

/** Leaves out paths below another one, and repeated ones. */
function outermost(paths: readonly string[]): string[] {
  const all = new Set(paths)
  const isOutermost = (path: string) => {
    for (let [above] = splitPath(path); above !== ''; [above] = splitPath(above))
      if (all.has(above)) return false
    return true
  }
  return [...all].filter(isOutermost)
}

/** Returns those of the paths that are certainly gone: the source's disk is there, and has nothing of this name. */
async function findGone(context: SessionContext, paths: readonly string[]): Promise<string[]> {
  const { root, device, source, signal, isThere } = context
  const mounts = readMounts()
  const remaining = [...paths]
  const gone: string[] = []
  const lookUp = async () => {
    for (let path = remaining.pop(); path !== undefined && !signal.aborted; path = remaining.pop()) {
      const one = path
      const found = await callOnDisk(root, one, mounts, () =>
        lstatExactOrNull(absolutePath(root, one)),
      ).catch(ignoreError('a path that cannot be looked up does not count as deleted'))
      if (found === null) gone.push(one)
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, remaining.length) }, lookUp))
  if (gone.length === 0) return []
  const stats = await callOn(root, () => lstat(root, { bigint: true })).catch(
    ignoreError('a source that cannot be looked at is away', null),
  )
  // Read after the calls: if the disk is mounted now, their results are of the disk.
  if (stats === null || stats.dev !== device || !isThere()) return []
  const hidden = source.oneFileSystem ? (readMounts() ?? []).map(({ point }) => point) : []
  const isHidden = (path: string) =>
    hidden.some(
      (point) => point !== root && isWithin(point, root) && isWithin(absolutePath(root, path), point),
    )
  return gone.filter((path) => !isHidden(path))
}

function markGone(
  { ledger, source }: SessionContext,
  destination: string,
  paths: readonly string[],
  isOutdated: (path: string) => boolean,
): number {
  const inner = ledger.innerMounts(source.id)
  const certain = paths.filter((path) => !isOutdated(path) && !isBelowAway(path, inner))
  // Files that went before the first comparison may have been gone for years.
  const at = ledger.isSwept(source.id) ? Date.now() : null
  return certain.length === 0 ? 0 : ledger.markGone(destination, source.id, certain, at)
}

/** Records that everything below a directory is gone; returns the number of files. */
async function markBelow(
  context: SessionContext,
  destination: string,
  directory: string,
  isOutdated: (path: string) => boolean,
): Promise<number> {
  const { ledger, source, signal } = context
  let changes = 0
  const [first, before] = toPathRange(directory)
  for (let from = first; !signal.aborted; await turn()) {
    const page = ledger.presentPaths(destination, source.id, [from, before], PAGE)
    if (page.length > 0) changes += markGone(context, destination, page, isOutdated)
    const last = page.at(-1)
    if (page.length < PAGE || last === undefined) return changes
    from = after(last)
  }
  return changes
}

/** Returns the first possible path after this one, in the order of the ledger: no path has a NUL. */
const after = (path: string) => `${path}\u0001`

/**
 * Compares the ledger's files with the tree, or with one directory and everything below, and records which are
 * gone. Reads names only: a file that a filter excludes is not deleted. Memory grows only with the names in the
 * directories above one file.
 * @param depth first: looks only for directories, and files, of the first level.
 */
export async function sweepDeleted(
  context: SessionContext,
  base: string,
  depth: 'all' | 'first' = 'all',
): Promise<void> {
  const { ledger, source, destinations, signal, ledgerFailed } = context
  try {
    for (const destination of destinations) {
      const whole = await sweepAt(context, destination, base, depth)
      if (!whole || signal.aborted) return
    }
    if (base === '' && !ledger.isSwept(source.id)) ledger.rememberSwept(source.id)
  } catch (error) {
    if (!signal.aborted) ledgerFailed(error)
  }
}

/** Returns false if the source cannot be listed. */
async function sweepAt(
  context: SessionContext,
  destination: string,
  base: string,
  depth: 'all' | 'first',
): Promise<boolean> {
  const { ledger, source, root, signal } = context
  const names = new KnownNames(root, depth === 'first' ? 1 : Number.POSITIVE_INFINITY)
  const [first, before] = toPathRange(base)
  const limit = depth === 'first' ? 1 : PAGE
  for (let from = first; !signal.aborted; await turn()) {
    const page = ledger.presentPaths(destination, source.id, [from, before], limit)
    const { missing, next } = await names.findMissing(page)
    if (next === null) return false
    if (missing.length > 0) await settleGone(context, missing)
    if (page.length < limit) return true
    from = next
  }
  return true
}

/** there: the whole path, or its part of the requested depth, has a name; missing: it has none; unknown: unreadable. */
interface FoundName {
  is: 'there' | 'missing' | 'unknown'
  /** The part of the path that decides. */
  path: string
}

/** The names in the directories above the present path; null: that directory cannot be listed. */
class KnownNames {
  readonly #root: string
  readonly #depth: number
  readonly #mounts = readMounts()
  #levels: { directory: string; names: ReadonlySet<string> | null }[] = []

  constructor(root: string, depth: number) {
    this.#root = root
    this.#depth = depth
  }

  /**
   * Returns those of the paths, or of the directories above them, that have no name. `next`: where the next page begins,
   * in the order of the ledger; null: the source cannot be listed.
   */
  async findMissing(page: readonly string[]): Promise<{ missing: string[]; next: string | null }> {
    const missing: string[] = []
    let decided: string | null = null
    let next = ''
    for (const path of page) {
      if (decided !== null && path.startsWith(`${decided}/`)) continue
      const found = await this.#find(path)
      if (found.is === 'unknown' && found.path === '') return { missing: [], next: null }
      if (found.is === 'missing') missing.push(found.path)
      decided = found.path
      next = decided === path ? after(path) : toPathRange(decided)[1]
    }
    return { missing, next }
  }

  async #find(path: string): Promise<FoundName> {
    const isAbove = (directory: string) => directory === '' || path.startsWith(`${directory}/`)
    this.#levels = this.#levels.filter(({ directory }) => isAbove(directory))
    let directory = ''
    for (const [index, part] of path.split('/').entries()) {
      const names = await this.#list(index, directory)
      if (names === null) return { is: 'unknown', path: directory }
      directory = joinRelative(directory, part)
      if (!names.has(part)) return { is: 'missing', path: directory }
      if (index + 1 >= this.#depth) break
    }
    return { is: 'there', path: directory }
  }

  async #list(level: number, directory: string): Promise<ReadonlySet<string> | null> {
    const known = this.#levels[level]
    if (known !== undefined) return known.names
    const names = await callOnDisk(this.#root, directory, this.#mounts, () => this.#read(directory)).catch(
      ignoreError('files of a directory that cannot be listed do not count as deleted', null),
    )
    this.#levels.push({ directory, names })
    return names
  }

  async #read(directory: string): Promise<ReadonlySet<string>> {
    const held = await holdDirectory(this.#root, directory)
    try {
      return new Set(await readdir(held.path))
    } finally {
      await held.close()
    }
  }
}

/** Makes a call on the disk of a path of the source; on a disk inside the source it has a time limit. */
function callOnDisk<T>(
  root: string,
  path: string,
  mounts: readonly Mount[] | null,
  call: () => Promise<T>,
): Promise<T> {
  const place = findDiskRoot(root, path, mounts)
  const counted = () => callOn(place, call)
  return place === root ? counted() : callInTime(place, PATIENCE_MS, counted)
}
