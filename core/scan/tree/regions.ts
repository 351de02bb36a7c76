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
import type { WalkChunk, WalkOptions } from './walk.ts'
import { walk } from './walk.ts'

/** A file system inside a source that gives no answer for so long, while the others are done, is left out. */
const PATIENCE_MS = 30_000

/** Listings, by their directory, that have not answered in time: no other one is begun meanwhile. */
const unanswered = new Set<string>()

export interface RegionsOptions {
  /** Absolute path of the source, with symbolic links resolved. */
  root: string
  /** Where in the source to begin; '' is the source itself. */
  base: string
  filter: NameFilter
  scope: MountScope
  signal: AbortSignal
}

/**
 * Walks a tree in the regions that its mount points divide it into, each by itself: a file system that hangs holds up
 * none of the others, and is told as a directory that cannot be read (ETIMEDOUT).
 */
export async function* walkRegions(options: RegionsOptions): AsyncGenerator<WalkChunk> {
  const { root, base, filter, scope } = options
  const mounts = readMounts()
  const place = placeOf(root, base, mounts)
  const isIgnored = (path: string) => filter.directory(path) !== null
  const { regions, skipped } = layOut({ root, base, scope, isIgnored, mounts })
  if (skipped.length > 0) yield { files: [], unsendable: [], skipped }
  const [{ leaveOut }, ...inner] = regions
  const device = mounts === null && scope.oneFileSystem ? await deviceOf(root, base) : undefined
  const main = walk({
    ...options,
    recursive: true,
    leaveOut,
    place,
    ...(device === undefined ? {} : { device }),
  })
  if (inner.length === 0) return yield* main
  const walks = new Map([[base, main]])
  for (const region of inner) {
    const at = absolutePath(root, region.base)
    if (unanswered.has(at)) yield unreadable(region.base, 'ETIMEDOUT')
    else walks.set(region.base, walkInner({ ...options, ...region, recursive: true, place: at }))
  }
  yield* merge(walks, root, base)
}

function unreadable(path: string, code: string): WalkChunk {
  return { files: [], unsendable: [{ why: 'directory', path, code }], skipped: [] }
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
 * What becomes of an inner disk's walk holds up no other: unmounted meanwhile it is no problem of the tree's, and
 * any other error is told as a directory that cannot be read.
 */
async function* walkInner(options: WalkOptions): AsyncGenerator<WalkChunk> {
  try {
    yield* walk(options)
  } catch (thrown) {
    const code = errorCode(thrown)
    if (!isGone(code)) yield unreadable(options.base, code ?? String(thrown))
  }
}

/**
 * What the walks give, as it comes. Gives up those that do not answer once all others are done.
 * @param walks by the directories that they begin at; `main` is that of the tree's own file system.
 */
async function* merge(
  walks: ReadonlyMap<string, AsyncGenerator<WalkChunk>>,
  root: string,
  main: string,
): AsyncGenerator<WalkChunk> {
  type Answer = { base: string; result: IteratorResult<WalkChunk> }
  const waiting = new Map<string, Promise<Answer>>()
  const ask = (base: string, from: AsyncGenerator<WalkChunk>) => {
    const answer = from.next().then((result) => ({ base, result }))
    // Nobody may be waiting for it any more when it fails.
    answer.catch(() => undefined)
    waiting.set(base, answer)
  }
  try {
    for (const [base, from] of walks) ask(base, from)
    while (waiting.size > 0) {
      // The tree's own file system is waited for as long as it takes, as if there were no other.
      const answer = await (waiting.has(main)
        ? Promise.race(waiting.values())
        : inTime(PATIENCE_MS, Promise.race(waiting.values())))
      if (answer === LATE) break
      const { base, result } = answer
      const from = walks.get(base)
      waiting.delete(base)
      if (result.done === true || from === undefined) continue
      yield result.value
      ask(base, from)
    }
    for (const [base, answer] of waiting) {
      const place = absolutePath(root, base)
      unanswered.add(place)
      void answer.catch(() => undefined).finally(() => unanswered.delete(place))
      yield unreadable(base, 'ETIMEDOUT')
    }
  } finally {
    // One that waits for its disk ends when that has answered.
    for (const from of walks.values()) void from.return(undefined).catch(() => undefined)
  }
}
