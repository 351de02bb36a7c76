import { lstat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { readMounts } from '../send/whereabouts.ts'
import { errorCode } from '../words/problem.ts'
import { callOn } from './calls.ts'
import { absolutePath } from './facts.ts'
import type { MountScope } from './mounts.ts'
import { layOut } from './mounts.ts'
import type { WalkChunk, WalkOptions } from './walk.ts'
import { isGone, walk } from './walk.ts'

/** A file system inside a source that gives no answer for so long, while the others are done, is left out. */
const PATIENCE_MS = 30_000

/** Listings, by their directory, that have not answered in time: no other one is begun meanwhile. */
const unanswered = new Set<string>()

export type RegionsOptions = Omit<WalkOptions, 'leaveOut' | 'place' | 'device'> & { scope: MountScope }

/**
 * Lists a tree like `walk`, each file system that is mounted inside it by itself: one that hangs holds up none
 * of the others, and is told as a directory that cannot be read (ETIMEDOUT).
 */
export async function* walkRegions(options: RegionsOptions): AsyncGenerator<WalkChunk> {
  const { root, base, filter, scope, recursive } = options
  if (!recursive) return yield* walk(options)
  const mounts = readMounts()
  const isIgnored = (path: string) => filter.directory(path) !== null
  const { regions, skipped } = layOut({ root, base, scope, isIgnored, mounts })
  if (skipped.length > 0) yield { files: [], unsendable: [], skipped }
  const [own, ...inner] = regions
  const device = mounts === null && scope.oneFileSystem ? await deviceOf(root, base) : undefined
  const main = walk({ ...options, leaveOut: own.leaveOut, ...(device === undefined ? {} : { device }) })
  if (inner.length === 0) return yield* main
  const walks = new Map([[base, main]])
  for (const region of inner) {
    const place = absolutePath(root, region.base)
    if (unanswered.has(place)) yield timedOut(region.base)
    else walks.set(region.base, innerWalk({ ...options, ...region, place }))
  }
  yield* merge(walks, (path) => absolutePath(root, path), base)
}

async function deviceOf(root: string, base: string): Promise<bigint> {
  const absolute = absolutePath(root, base)
  return (await callOn(root, () => lstat(absolute, { bigint: true }))).dev
}

/** That an inner disk is unmounted meanwhile is no problem of the tree's. */
async function* innerWalk(options: WalkOptions): AsyncGenerator<WalkChunk> {
  try {
    yield* walk(options)
  } catch (thrown) {
    if (!isGone(errorCode(thrown))) throw thrown
  }
}

/** What the walks give, as it comes. Gives up those that do not answer once all others are done. */
async function* merge(
  walks: ReadonlyMap<string, AsyncGenerator<WalkChunk>>,
  absolute: (base: string) => string,
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
  for (const [base, from] of walks) ask(base, from)
  while (waiting.size > 0) {
    // The tree's own file system is waited for as long as it takes, as if there were no other.
    const answer = await (waiting.has(main)
      ? Promise.race(waiting.values())
      : withPatience(Promise.race(waiting.values())))
    if (answer === null) break
    const { base, result } = answer
    const from = walks.get(base)
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
}

async function withPatience<T>(promise: Promise<T>): Promise<T | null> {
  const enough = new AbortController()
  const late = delay(PATIENCE_MS, null, { signal: enough.signal }).catch(() => null)
  try {
    return await Promise.race([promise, late])
  } finally {
    enough.abort()
  }
}

function timedOut(path: string): WalkChunk {
  return { files: [], unsendable: [{ why: 'directory', path, code: 'ETIMEDOUT' }], skipped: [] }
}
