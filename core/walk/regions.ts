import { settled, warnUnlessCode } from '../dropped-errors.ts'
import { lstatExactOrNull } from '../platform/lstat-or-null.ts'
import { findMount, isWithin, type Mount, readMounts } from '../platform/mounts/mountinfo.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import { callInTime, callOn } from './calls.ts'
import { absolutePath, relativeTo, toScannedFile } from './scanned-file.ts'
import { type WalkChunk, type WalkOptions, walk } from './walk.ts'

/** Time limit for an answer of a disk inside a source; after it the rest of this disk is skipped. */
const PATIENCE_MS = 30_000

/**
 * Walks a tree in the regions into which its mount points divide it, the disks inside it last. A disk that hangs is
 * reported as a directory that cannot be read (ETIMEDOUT). The tree's own disk has no time limit.
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
  yield* walk({ ...options, recursive: true, leaveOut, place: findDiskRoot(root, base, mounts) })
  for (const region of inner)
    yield* walkInner({ ...options, ...region, recursive: true, place: absolutePath(root, region.base) })
}

/**
 * Returns the mount point at a directory, or between it and the source, where the disk is not the source's; else the
 * root.
 */
export function findDiskRoot(
  root: string,
  base: string,
  mounts: readonly Mount[] | null = readMounts(),
): string {
  const above = mounts === null ? null : findMount(mounts, absolutePath(root, base))
  return above !== null && above.point !== root && isWithin(above.point, root) ? above.point : root
}

/**
 * Walks an inner disk so that its errors do not affect the others. If it was unmounted meanwhile, that is no problem
 * of the tree; any other error is reported as a directory that cannot be read.
 */
async function* walkInner(options: WalkOptions & { place: string }): AsyncGenerator<WalkChunk> {
  const found = walk(options)
  try {
    for (;;) {
      const next = await callInTime(options.place, PATIENCE_MS, () => found.next())
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
    // A walk that waits for its disk ends when the disk has answered.
    void settled(found.return(undefined))
  }
}

/** Yields a file that is a mount point, as containers mount single files. */
async function* mountedFile({ root, base, place, filter }: WalkOptions & { place: string }) {
  const look = () => callOn(place, () => lstatExactOrNull(absolutePath(root, base)))
  const stats = await callInTime(place, PATIENCE_MS, look).catch((error) =>
    warnUnlessCode(error, [], 'a mounted file cannot be looked at and is left out of this comparison', null),
  )
  if (stats?.isFile() && filter.file(base) === null)
    yield { files: [toScannedFile(base, stats)], unsendable: [], skipped: [] }
}

/** Why a mount inside a source is skipped: it is another file system, and the source is limited to one. */
export type MountSkip = 'other-file-system'

/** Decides which file systems mounted inside a source belong to it. */
export interface MountScope {
  /**
   * true: only the file system of the source's own directory (find -xdev); no effect where the system lists no mounts.
   */
  oneFileSystem: boolean
  /**
   * Gets the present mount points inside the source (absolute paths); returns the absent ones that still have waiting
   * files below them. The directories underneath those are not scanned.
   */
  away(present: readonly string[]): string[]
}

/** A part of a source that lies on one mounted file system, and is watched and listed separately. */
export interface Region {
  /** The region's top directory, relative to the source. */
  base: string
  /** Changes when something else is mounted at the same place. */
  identity: string
  /** Directories in it, relative to the source, that belong to other regions or to none. */
  leaveOut: string[]
}

export interface Layout {
  /** The first is the tree's own region; the only one if the system lists no mounts. */
  regions: [Region, ...Region[]]
  skipped: { path: string; why: MountSkip }[]
}

export interface LayoutOptions {
  root: string
  base: string
  scope: MountScope
  /** True if a directory (relative to the source) is excluded by its name. */
  isIgnored(path: string): boolean
  /** The present mounts, in the kernel's order; null where the system lists none. */
  mounts: readonly Mount[] | null
}

/**
 * Divides a tree at the mount points inside it. Makes no call on a file system, so none can hang it. A directory that
 * is mounted at several places appears several times, as it does for every program.
 */
export function layOut({ root, base, scope, isIgnored, mounts }: LayoutOptions): Layout {
  const start = absolutePath(root, base)
  const home = mounts === null ? null : findMount(mounts, start)
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

/** Returns the visible mounts strictly below a directory, the outer ones first. */
function visibleBelow(mounts: readonly Mount[], start: string): Mount[] {
  const below = mounts.filter(({ point }) => point !== start && isWithin(point, start))
  const visible = below.filter((mount) => {
    const later = mounts.slice(mounts.indexOf(mount) + 1)
    // A later mount on the same point, or above it, covers this one.
    return !later.some((other) => isWithin(mount.point, other.point))
  })
  return visible.sort((one, other) => one.point.length - other.point.length)
}

/** Returns the path and the directories above it, up to but without `base`. */
function ancestors(path: string, base: string): string[] {
  const found: string[] = []
  for (let at = path; at !== base && at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/'))))
    found.push(at)
  return found
}
