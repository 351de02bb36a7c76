import type { Mount } from '../../mounts/mountinfo.ts'
import { isWithin, mountAbove } from '../../mounts/mountinfo.ts'
import { absolutePath, joinRelative } from './facts.ts'

/**
 * Why what is mounted somewhere inside a source is left out: it is another file system and the source stays on
 * one; it shows a directory that the source has under another path; or nothing is mounted there now, though
 * files of the disk that was there still wait.
 */
export type MountSkip = 'other-file-system' | 'shown-twice' | 'disk-away'

/** Which file systems mounted inside a source belong to it. */
export interface MountScope {
  /** true: only the one that the source's own directory is on (find -xdev). */
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

/** A directory of a file system, shown at a path of the source. */
interface Shown {
  path: string
  device: string
  /** Its path within the file system. */
  inside: string
}

/** Divides a tree at the mount points inside it. No file system is asked, so none can hang this. */
export function layOut({ root, base, scope, isIgnored, mounts }: LayoutOptions): Layout {
  const start = absolutePath(root, base)
  const above = mounts === null ? null : mountAbove(mounts, start)
  const own: Region = { base, identity: '', leaveOut: [] }
  if (mounts === null || above === null) return { regions: [own], skipped: [] }

  const relative = (absolute: string) => absolute.slice(root === '/' ? 1 : root.length + 1)
  const inner = visibleBelow(mounts, start)
  const points = inner.map(({ point }) => relative(point))
  const ignored = (path: string) => ancestors(path, base).some(isIgnored)
  const home: Shown = { path: base, device: above.device, inside: insideOf(above, start) }
  const shown: Shown[] = [home]
  const regions: [Region, ...Region[]] = [own]
  const skipped: Layout['skipped'] = []
  const leftOut: string[] = []
  for (const mount of inner) {
    const path = relative(mount.point)
    if (ignored(path) || leftOut.some((one) => isWithin(path, one))) continue
    const here: Shown = { path, device: mount.device, inside: mount.root }
    const why = whyLeftOut(here, { home, shown, points, ignored, scope })
    if (why === null) {
      // The other way round: it shows, further down, a directory that the source has elsewhere.
      for (const one of shown) {
        if (one.device !== here.device || !isWithin(one.inside, here.inside)) continue
        const again = joinRelative(path, belowOf(one.inside, here.inside))
        leftOut.push(again)
        skipped.push({ path: again, why: 'shown-twice' })
      }
      shown.push(here)
      regions.push({ base: path, identity: `${mount.id} ${mount.device}`, leaveOut: [] })
    } else {
      leftOut.push(path)
      skipped.push({ path, why })
    }
  }
  for (const point of scope.away(visibleBelow(mounts, root).map(({ point }) => point))) {
    if (!isWithin(point, start) || point === start) continue
    leftOut.push(relative(point))
    skipped.push({ path: relative(point), why: 'disk-away' })
  }
  for (const region of regions) {
    const below = (path: string) => path !== region.base && isBelow(path, region.base)
    region.leaveOut = [...new Set([...points, ...leftOut])].filter(below)
  }
  return { regions, skipped }
}

function whyLeftOut(
  here: Shown,
  by: {
    home: Shown
    shown: readonly Shown[]
    points: readonly string[]
    ignored(path: string): boolean
    scope: MountScope
  },
): MountSkip | null {
  if (by.scope.oneFileSystem && here.device !== by.home.device) return 'other-file-system'
  const twice = by.shown.some((one) => {
    if (one.device !== here.device || !isWithin(here.inside, one.inside)) return false
    const path = joinRelative(one.path, belowOf(here.inside, one.inside))
    // Covered by a mount, or left out by its name, it is not seen there.
    const covered = by.points.some(
      (point) => point !== one.path && isBelow(point, one.path) && isWithin(path, point),
    )
    return !covered && !by.ignored(path)
  })
  return twice ? 'shown-twice' : null
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

/** Where a path below a mount point lies within its file system. */
function insideOf(mount: Mount, absolute: string): string {
  const below = belowOf(absolute, mount.point)
  if (below === '') return mount.root
  return mount.root === '/' ? `/${below}` : `${mount.root}/${below}`
}

/** The part of an absolute path that is below a directory; '' for the directory itself. */
function belowOf(absolute: string, directory: string): string {
  if (absolute === directory) return ''
  return absolute.slice(directory === '/' ? 1 : directory.length + 1)
}

/** isWithin for paths relative to the source, where '' is everything's beginning. */
function isBelow(path: string, directory: string): boolean {
  return directory === '' || isWithin(path, directory)
}

/** The path and the directories above it, down to but without `base`. */
function ancestors(path: string, base: string): string[] {
  const found: string[] = []
  for (let at = path; at !== base && at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/'))))
    found.push(at)
  return found
}
