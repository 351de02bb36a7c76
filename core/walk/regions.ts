import { settled, warnUnlessCode } from '../dropped-errors.ts'
import { lstatExactOrNull } from '../platform/lstat-or-null.ts'
import { isWithin, type Mount, mountAbove, readMounts } from '../platform/mounts/mountinfo.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import { askInTime, callOn } from './calls.ts'
import { absolutePath, factsOf, relativeTo } from './scanned-file.ts'
import { type WalkChunk, type WalkOptions, walk } from './walk.ts'

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
  yield* walk({ ...options, recursive: true, leaveOut, place: placeOf(root, base, mounts) })
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
    if (code === 'ENOTDIR') yield* mountedFile(options)
    if (isGone(code)) return
    const one = { why: 'directory' as const, path: options.base, code: code ?? String(thrown) }
    yield { files: [], unsendable: [one], skipped: [] }
  } finally {
    // One that waits for its disk ends when that has answered.
    void settled(found.return(undefined))
  }
}

/** A file that is mounted, as containers are given single ones. */
async function* mountedFile({ root, base, place, filter }: WalkOptions & { place: string }) {
  const look = () => callOn(place, () => lstatExactOrNull(absolutePath(root, base)))
  const stats = await askInTime(place, PATIENCE_MS, look).catch((error) =>
    warnUnlessCode(error, [], 'a mounted file cannot be looked at and is left out of this comparison', null),
  )
  if (stats?.isFile() && filter.file(base) === null)
    yield { files: [factsOf(base, stats)], unsendable: [], skipped: [] }
}

/** Why what is mounted somewhere inside a source is left out: it is another file system and the source stays on one. */
export type MountSkip = 'other-file-system'

/** Which file systems mounted inside a source belong to it. */
export interface MountScope {
  /** true: only the one that the source's own directory is on (find -xdev); without effect where the system tells no mounts. */
  oneFileSystem: boolean
  /**
   * Is told the mount points inside the source (absolute paths) that are there now; gives those that are not,
   * though files below them still wait: what lies underneath is nobody's business.
   */
  away(present: readonly string[]): string[]
}

/** A part of a source that lies on one mounted file system and is watched and listed by itself. */
export interface Region {
  /** The directory that it begins at, relative to the source. */
  base: string
  /** Another one when something else is mounted at the same place. */
  identity: string
  /** Directories in it, relative to the source, that belong to other regions or to nobody. */
  leaveOut: string[]
}

export interface Layout {
  /** The first is the tree's own; it alone if the system does not tell what is mounted. */
  regions: [Region, ...Region[]]
  skipped: { path: string; why: MountSkip }[]
}

export interface LayoutOptions {
  root: string
  base: string
  scope: MountScope
  /** Whether a directory (relative to the source) is left out by its name. */
  isIgnored(path: string): boolean
  /** What is mounted now, in the kernel's order; null where the system does not tell. */
  mounts: readonly Mount[] | null
}

/**
 * Divides a tree at the mount points inside it. No file system is asked, so none can hang this. A directory that is
 * mounted at several places is there several times, as for every program.
 */
export function layOut({ root, base, scope, isIgnored, mounts }: LayoutOptions): Layout {
  const start = absolutePath(root, base)
  const home = mounts === null ? null : mountAbove(mounts, start)
  const own: Region = { base, identity: '', leaveOut: [] }
  if (mounts === null || home === null) return { regions: [own], skipped: [] }

  const relative = (absolute: string) => relativeTo(root, absolute)
  const inner = visibleBelow(mounts, start)
  const regions: [Region, ...Region[]] = [own]
  const skipped: Layout['skipped'] = []
  for (const { id, device, point } of inner) {
    const path = relative(point)
    if (ancestors(path, base).some(isIgnored) || skipped.some((one) => isWithin(path, one.path))) continue
    if (scope.oneFileSystem && device !== home.device) skipped.push({ path, why: 'other-file-system' })
    else regions.push({ base: path, identity: `${id} ${device}`, leaveOut: [] })
  }
  const away = scope.away(visibleBelow(mounts, root).map(({ point }) => point))
  const points = [...inner.map(({ point }) => point), ...away.filter((point) => isWithin(point, start))]
  const holes = new Set(points.map(relative))
  for (const region of regions)
    region.leaveOut = [...holes].filter(
      (path) => path !== region.base && (region.base === '' || isWithin(path, region.base)),
    )
  return { regions, skipped }
}

/** The mounts strictly below a directory that can be seen, the outer ones first. */
function visibleBelow(mounts: readonly Mount[], start: string): Mount[] {
  const below = mounts.filter(({ point }) => point !== start && isWithin(point, start))
  const visible = below.filter((mount) => {
    const later = mounts.slice(mounts.indexOf(mount) + 1)
    // A later mount on the same point, or above it, covers this one.
    return !later.some((other) => isWithin(mount.point, other.point))
  })
  return visible.sort((one, other) => one.point.length - other.point.length)
}

/** The path and the directories above it, down to but without `base`. */
function ancestors(path: string, base: string): string[] {
  const found: string[] = []
  for (let at = path; at !== base && at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/'))))
    found.push(at)
  return found
}
