import { lstat } from 'node:fs/promises'
import { errorCode, isGone } from '../../files/system-error.ts'
import type { NameFilter } from '../../filter/names.ts'
import type { Mount } from '../../mounts/mountinfo.ts'
import { isWithin, mountAbove } from '../../mounts/mountinfo.ts'
import { readMounts } from '../../mounts/whereabouts.ts'
import { inTime, LATE } from '../../pacing/in-time.ts'
import { callOn } from './calls.ts'
import { absolutePath } from './facts.ts'
import type { MountScope } from './mounts.ts'
import { layOut } from './mounts.ts'
import type { WalkChunk } from './walk.ts'
import { walk } from './walk.ts'

/** A file system inside a source that gives no answer for so long, while the others are done, is left out. */
const PATIENCE_MS = 30_000

/** Listings, by their directory, that have not answered in time: no other one is begun meanwhile. */
const unanswered = new Set<string>()

/** A part of a tree that lies on one file system and is listed by itself. */
export interface Part {
  /** The directory that it begins at, relative to the source. */
  base: string
  recursive: boolean
  /** Directories that are not entered, as they belong to another part. */
  leaveOut: readonly string[]
  /** The directory whose disk is asked: the source, or what is mounted inside it. */
  place: string
  /** st_dev of the only file system whose directories are entered; any if not given. */
  device?: bigint
}

export interface PartsOptions {
  /** Absolute path of the source, with symbolic links resolved. */
  root: string
  /** Where in the source to begin; '' is the source itself. */
  base: string
  filter: NameFilter
  /** false: the directory itself alone. */
  recursive: boolean
  scope: MountScope
}

/** How one part is listed. */
export interface PartLister<T> {
  /** `isInner`: mounted inside the tree, so that not even what it is can be asked without waiting for its disk. */
  list(part: Part, isInner: boolean): AsyncGenerator<T>
  /** What no listing has found. */
  told(told: Pick<WalkChunk, 'unsendable' | 'skipped'>): T
}

/**
 * Lists a tree in the parts that its mount points divide it into, each by itself: a file system that hangs holds up
 * none of the others, and is told as a directory that cannot be read (ETIMEDOUT).
 */
export async function* inParts<T>(options: PartsOptions, lister: PartLister<T>): AsyncGenerator<T> {
  const { root, base, filter, scope, recursive } = options
  const mounts = readMounts()
  const place = placeOf(root, base, mounts)
  if (!recursive) return yield* lister.list({ base, recursive, leaveOut: [], place }, false)
  const isIgnored = (path: string) => filter.directory(path) !== null
  const { regions, skipped } = layOut({ root, base, scope, isIgnored, mounts })
  if (skipped.length > 0) yield lister.told({ unsendable: [], skipped })
  const [own, ...inner] = regions
  const { leaveOut } = own
  const device = mounts === null && scope.oneFileSystem ? await deviceOf(root, base) : undefined
  const part = { base, recursive, leaveOut, place, ...(device === undefined ? {} : { device }) }
  const main = lister.list(part, false)
  if (inner.length === 0) return yield* main
  const unreadable = (path: string, code: string) =>
    lister.told({ unsendable: [{ why: 'directory', path, code }], skipped: [] })
  const timedOut = (path: string) => unreadable(path, 'ETIMEDOUT')
  const listings = new Map([[base, main]])
  for (const region of inner) {
    const at = absolutePath(root, region.base)
    const { leaveOut } = region
    if (unanswered.has(at)) yield timedOut(region.base)
    else
      listings.set(
        region.base,
        byItself(lister.list({ base: region.base, recursive, leaveOut, place: at }, true), (code) =>
          unreadable(region.base, code),
        ),
      )
  }
  yield* merge(listings, { absolute: (path) => absolutePath(root, path), main: base, timedOut })
}

/** The tree as `walk` lists it. */
export function walkRegions(options: PartsOptions & { signal: AbortSignal }): AsyncGenerator<WalkChunk> {
  return inParts(options, {
    list: (part) => walk({ ...options, ...part }),
    told: (told) => ({ files: [], ...told }),
  })
}

/** What is mounted at a directory, or between it and the source: its disk is another than the source's. */
export function placeOf(root: string, base: string, mounts: readonly Mount[] | null = readMounts()): string {
  const above = mounts === null ? null : mountAbove(mounts, absolutePath(root, base))
  return above !== null && above.point !== root && isWithin(above.point, root) ? above.point : root
}

async function deviceOf(root: string, base: string): Promise<bigint> {
  const absolute = absolutePath(root, base)
  return (await callOn(root, () => lstat(absolute, { bigint: true }))).dev
}

/**
 * What becomes of an inner disk's listing holds up no other: unmounted meanwhile it is no problem of the tree's, and
 * any other error is told as a directory that cannot be read.
 */
async function* byItself<T>(listing: AsyncGenerator<T>, unreadable: (code: string) => T): AsyncGenerator<T> {
  try {
    yield* listing
  } catch (thrown) {
    const code = errorCode(thrown)
    if (!isGone(code)) yield unreadable(code ?? String(thrown))
  }
}

interface MergeOptions<T> {
  absolute(base: string): string
  /** The base of the tree's own file system. */
  main: string
  timedOut(base: string): T
}

/** What the listings give, as it comes. Gives up those that do not answer once all others are done. */
async function* merge<T>(
  listings: ReadonlyMap<string, AsyncGenerator<T>>,
  { absolute, main, timedOut }: MergeOptions<T>,
): AsyncGenerator<T> {
  type Answer = { base: string; result: IteratorResult<T> }
  const waiting = new Map<string, Promise<Answer>>()
  const ask = (base: string, from: AsyncGenerator<T>) => {
    const answer = from.next().then((result) => ({ base, result }))
    // Nobody may be waiting for it any more when it fails.
    answer.catch(() => undefined)
    waiting.set(base, answer)
  }
  try {
    for (const [base, from] of listings) ask(base, from)
    while (waiting.size > 0) {
      // The tree's own file system is waited for as long as it takes, as if there were no other.
      const answer = await (waiting.has(main)
        ? Promise.race(waiting.values())
        : inTime(PATIENCE_MS, Promise.race(waiting.values())))
      if (answer === LATE) break
      const { base, result } = answer
      const from = listings.get(base)
      waiting.delete(base)
      if (result.done === true || from === undefined) continue
      yield result.value
      ask(base, from)
    }
    for (const [base, answer] of waiting) {
      const place = absolute(base)
      unanswered.add(place)
      void answer.catch(() => undefined).finally(() => unanswered.delete(place))
      yield timedOut(base)
    }
  } finally {
    // One that waits for its disk ends when that has answered.
    for (const from of listings.values()) void from.return(undefined).catch(() => undefined)
  }
}
