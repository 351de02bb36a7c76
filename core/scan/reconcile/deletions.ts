import { lstat, readdir } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { deferAsync } from '../../defer.ts'
import { ignoreError } from '../../dropped-errors.ts'
import { toPathRange } from '../../ledger/database.ts'
import { isBelowAway } from '../../ledger/mount-presence.ts'
import { lstatExactOrNull } from '../../platform/files.ts'
import { isWithin, type Mount, readMounts } from '../../platform/mounts.ts'
import { holdDirectory } from '../../platform/openat2.ts'
import { callInTime } from '../../walk/call-in-time.ts'
import { absolutePath, joinRelative, splitPath } from '../../walk/scanned-file.ts'
import { callOn, findDiskRoot } from '../../walk/walk.ts'
import type { SessionContext } from '../source-session.ts'

// Finds files of the ledger that are gone at the source. The watcher names paths that were deleted or moved away (settleGone); a
// comparison of the ledger's rows with the tree finds the others (sweepDeleted). A path counts as gone only if the
// system says so while the source's disk is there: a path that cannot be read is not deleted. If a large share of the
// files is deleted within an hour, a person is notified (recent-deletions.ts). Nothing is held back.

/** Ledger rows that are read together; the event loop turns between two pages. */
const PAGE = 500
/** Paths that are looked up at the same time. */
const AT_ONCE = 8
/** Paths that are looked up before their rows are changed. */
const CHUNK = 256
/** Time limit for an answer of a disk inside the source. */
const PATIENCE_MS = 30_000

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
    await using _ = deferAsync(() => held.close())
    return new Set(await readdir(held.path))
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
