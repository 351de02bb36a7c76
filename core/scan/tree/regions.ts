import { lstat } from 'node:fs/promises'
import { errorCode, isGone } from '../../files/system-error.ts'
import type { Mount } from '../../mounts/mountinfo.ts'
import { isWithin, mountAbove } from '../../mounts/mountinfo.ts'
import { readMounts } from '../../mounts/whereabouts.ts'
import { askInTime, callOn } from './calls.ts'
import { absolutePath } from './facts.ts'
import type { MountScope } from './mounts.ts'
import { layOut } from './mounts.ts'
import type { WalkChunk, WalkOptions } from './walk.ts'
import { walk } from './walk.ts'

/** Of a disk inside a source that gives no answer for so long the rest is left out. */
const PATIENCE_MS = 30_000

/**
 * Walks a tree in the regions that its mount points divide it into, the disks inside it last: one that hangs is told as a
 * directory that cannot be read (ETIMEDOUT). The tree's own is waited for as long as it takes.
 */
export async function* walkRegions(
  options: Pick<WalkOptions, 'root' | 'base' | 'filter' | 'signal'> & { scope: MountScope },
): AsyncGenerator<WalkChunk> {
  const { root, base, filter, scope } = options
  const mounts = readMounts()
  const isIgnored = (path: string) => filter.directory(path) !== null
  const { regions, skipped } = layOut({ root, base, scope, isIgnored, mounts })
  if (skipped.length > 0) yield { files: [], unsendable: [], skipped }
  const [{ leaveOut }, ...inner] = regions
  const start = () => lstat(absolutePath(root, base), { bigint: true })
  const device = mounts === null && scope.oneFileSystem ? (await callOn(root, start)).dev : undefined
  const place = placeOf(root, base, mounts)
  yield* walk({ ...options, recursive: true, leaveOut, place, ...(device === undefined ? {} : { device }) })
  for (const region of inner)
    yield* walkInner({ ...options, ...region, recursive: true, place: absolutePath(root, region.base) })
}

/** What is mounted at a directory, or between it and the source: its disk is another than the source's. */
export function placeOf(root: string, base: string, mounts: readonly Mount[] | null = readMounts()): string {
  const above = mounts === null ? null : mountAbove(mounts, absolutePath(root, base))
  return above !== null && above.point !== root && isWithin(above.point, root) ? above.point : root
}

/**
 * What becomes of an inner disk's walk is no trouble of the others': unmounted meanwhile it is no problem of the tree's,
 * and any other error is told as a directory that cannot be read.
 */
async function* walkInner(options: WalkOptions & { place: string }): AsyncGenerator<WalkChunk> {
  const found = walk(options)
  try {
    for (;;) {
      const next = await askInTime(options.place, PATIENCE_MS, () => found.next())
      if (next.done === true) return
      yield next.value
    }
  } catch (thrown) {
    const code = errorCode(thrown)
    if (isGone(code)) return
    const one = { why: 'directory' as const, path: options.base, code: code ?? String(thrown) }
    yield { files: [], unsendable: [one], skipped: [] }
  } finally {
    // One that waits for its disk ends when that has answered.
    void found.return(undefined).catch(() => undefined)
  }
}
