import { lstat, readdir, stat } from 'node:fs/promises'
import { settled, warnUnlessCode } from '../dropped-errors.ts'
import type { LeftOut, NameFilter } from '../filter/exclusion-rules.ts'
import { createSemaphore, type Semaphore, withPermit } from '../lib/async/semaphore.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { lstatExactOrNull } from '../platform/files.ts'
import { findMount, isWithin, type Mount, readMounts } from '../platform/mounts.ts'
import { holdDirectory } from '../platform/openat2.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import { isStoreRoot, OWN_DIRECTORY } from '../store/layout.ts'
import { callInTime } from './call-in-time.ts'
import type { OwnPlaces } from './own-places.ts'
import { absolutePath, joinRelative, relativeTo, type ScannedFile, toScannedFile } from './scanned-file.ts'

// Lists the tree of a source. The mount points inside the source divide it into regions, one for each file system. A
// region is listed directory by directory, in chunks. Calls on one disk are counted, and on an inner disk bounded in
// time, so that a disk that hangs delays only its own region.

/** Time limit for an answer of a disk inside a source; after it the rest of this disk is skipped. */
const PATIENCE_MS = 30_000

/** Limit of entries in one chunk. */
const CHUNK = 256
/** Entries of one directory that are examined at the same time. */
const AT_ONCE = 8

/** Limit of a path's characters in a sentence. */
const MAX_SHOWN = 300

/**
 * Limit of simultaneous calls on one source's tree. A source whose disk hangs blocks at most this many threads of the
 * pool (core/agent/workers/pool-threads.ts).
 */
const CALLS_PER_SOURCE = 8

/** Something below a source that cannot be sent, with the reason. */
export type Unsendable =
  | { why: 'name'; path: string }
  | { why: 'directory' | 'file'; path: string; code: string }

/** Something that is skipped on purpose; shown only to a person who wants to know the reason. */
export type Skipped =
  | { why: LeftOut; path: string }
  | { why: 'not-a-file'; path: string; type: 'symlink' | 'fifo' | 'socket' | 'device' }
  | { why: MountSkip; path: string }
  | { why: 'own-place'; path: string }

/** Why a mount inside a source is skipped: it is another file system, and the source is limited to one. */
type MountSkip = 'other-file-system'

/** A bounded piece of a walk: at most CHUNK entries of one directory. */
export interface WalkChunk {
  files: ScannedFile[]
  unsendable: Unsendable[]
  skipped: Skipped[]
}

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

interface WalkOptions {
  /** Absolute path of the source, with symbolic links resolved. */
  root: string
  /** The directory of the source at which the walk begins; '' is the source itself. */
  base: string
  filter: NameFilter
  /** false: lists the directory itself only. */
  recursive: boolean
  signal: AbortSignal
  /** Directories that are not entered, since they belong to another region of the source. */
  leaveOut?: readonly string[]
  /** Holdfast's own directories and keys, which are never listed. */
  own?: Pick<OwnPlaces, 'has'> | undefined
  /** The directory whose disk the calls are counted for (callOn); missing: the source. */
  place?: string
}

interface Entry {
  path: string
  /** Its present path, below the directory that is held open. */
  at: string
}

/**
 * Walks a tree in the regions into which its mount points divide it, the disks inside it last. A disk that hangs is
 * reported as a directory that cannot be read (ETIMEDOUT). The tree's own disk has no time limit.
 */
export async function* walkRegions(
  options: Pick<WalkOptions, 'root' | 'base' | 'filter' | 'signal' | 'own'> & { scope: MountScope },
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
    const unreadable = { why: 'directory' as const, path: options.base, code: code ?? String(thrown) }
    yield { files: [], unsendable: [unreadable], skipped: [] }
  } finally {
    // A walk that waits for its disk ends when the disk has answered.
    void settled(found.return(undefined))
  }
}

/** Yields a file that is a mount point, as containers mount single files. */
async function* mountedFile({ root, base, place, filter, own }: WalkOptions & { place: string }) {
  const look = () => callOn(place, () => lstatExactOrNull(absolutePath(root, base)))
  const stats = await callInTime(place, PATIENCE_MS, look).catch((error) =>
    warnUnlessCode(error, [], 'a mounted file cannot be looked at and is left out of this comparison', null),
  )
  if (stats === null || filter.file(base) !== null) return
  if (own?.has(stats))
    yield { files: [], unsendable: [], skipped: [{ why: 'own-place' as const, path: base }] }
  else if (stats.isFile()) yield { files: [toScannedFile(base, stats)], unsendable: [], skipped: [] }
}

/**
 * Lists a tree in pieces, directory by directory: memory grows only with the names in one directory. Symbolic links
 * are not followed. A directory that vanishes meanwhile is skipped, except the one at which the walk begins: then the
 * system's error is thrown.
 */
export async function* walk(options: WalkOptions): AsyncGenerator<WalkChunk> {
  const pending = [options.base]
  for (;;) {
    const directory = pending.pop()
    if (directory === undefined || options.signal.aborted) return
    yield* walkDirectory(options, directory, pending)
  }
}

async function* walkDirectory(
  options: WalkOptions,
  directory: string,
  pending: string[],
): AsyncGenerator<WalkChunk> {
  let held: { path: string; close(): Promise<void> } | null = null
  try {
    held = await holdDirectory(options.root, directory)
    // Read only the names: for an entry whose type the file system does not give, Node.js would make a call that
    // blocks this thread, and an entry that has vanished would end the listing.
    const names = await readdir(held.path)
    if (await isOwn(options, directory, held.path, names)) {
      yield { files: [], unsendable: [], skipped: [{ why: 'own-place', path: directory }] }
      return
    }
    for (let from = 0; from < names.length && !options.signal.aborted; from += CHUNK)
      yield await statNames(options, directory, held.path, names.slice(from, from + CHUNK), pending)
  } catch (error) {
    const code = errorCode(error)
    if (code === null || (isGone(code) && directory === options.base)) throw error
    // A symbolic link that has replaced a directory is not entered.
    if (!isGone(code) && code !== 'ELOOP')
      yield { files: [], unsendable: [{ why: 'directory', path: directory, code }], skipped: [] }
  } finally {
    await held?.close()
  }
}

/** True if a directory is Holdfast's own. statEntry has compared the inodes of all but the first one. */
async function isOwn(
  { base, own }: WalkOptions,
  directory: string,
  held: string,
  names: readonly string[],
): Promise<boolean> {
  if (directory === base && own?.has(await stat(held, { bigint: true }))) return true
  return names.includes(OWN_DIRECTORY) && (await isStoreRoot(held))
}

/** @param held a path to the directory that is immune to symbolic links. */
async function statNames(
  options: WalkOptions,
  directory: string,
  held: string,
  names: readonly string[],
  pending: string[],
): Promise<WalkChunk> {
  const { root, place = root, leaveOut } = options
  const chunk: WalkChunk = { files: [], unsendable: [], skipped: [] }
  const remaining = names
    .map((name) => ({ path: joinRelative(directory, name), at: `${held}/${name}` }))
    // Exclude these before any call: they may be disks that hang.
    .filter(({ path }) => !leaveOut?.includes(path))
  const statRemaining = async () => {
    for (let entry = remaining.pop(); entry !== undefined; entry = remaining.pop())
      await statEntry(options, entry, chunk, pending)
  }
  const lanes = Math.min(AT_ONCE, remaining.length)
  await Promise.all(Array.from({ length: lanes }, () => callOn(place, statRemaining)))
  chunk.files.sort((one, other) => (one.path < other.path ? -1 : 1))
  return chunk
}

async function statEntry(
  options: WalkOptions,
  { path, at }: Entry,
  chunk: WalkChunk,
  pending: string[],
): Promise<void> {
  try {
    const stats = await lstat(at, { bigint: true })
    const isDirectory = stats.isDirectory()
    // Asked first: a pattern ends the notice about Holdfast's own.
    const leftOut = isDirectory ? options.filter.directory(path) : options.filter.file(path)
    if (leftOut !== null) chunk.skipped.push({ why: leftOut, path })
    else if (options.own?.has(stats)) chunk.skipped.push({ why: 'own-place', path })
    else if (isDirectory) {
      if (options.recursive) pending.push(path)
    } else if (stats.isFile()) chunk.files.push(toScannedFile(path, stats))
    else chunk.skipped.push({ why: 'not-a-file', path, type: specialType(stats) })
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    if (isGone(code)) {
      if (hasReplacement(path)) chunk.unsendable.push({ why: 'name', path })
    } else chunk.unsendable.push({ why: 'file', path, code })
  }
}

export function specialType(stats: {
  isSymbolicLink(): boolean
  isFIFO(): boolean
  isSocket(): boolean
}): 'symlink' | 'fifo' | 'socket' | 'device' {
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isFIFO()) return 'fifo'
  return stats.isSocket() ? 'socket' : 'device'
}

/** True if a name has U+FFFD, which Node.js puts where a name is not valid UTF-8; such a path then names no file. */
export function hasReplacement(name: string): boolean {
  return name.includes('\uFFFD')
}

/** Places that macOS shows only to programs with a permission of its own, whatever the permissions of the files. */
const GUARDED = /^\/(Users\/[^/]+\/(Desktop|Documents|Downloads|Library)|Volumes)\/|\.photoslibrary(\/|$)/i

/** True if a person can allow the reading in the settings of macOS, which reports EPERM until then. */
const needsFullDiskAccess = (path: string, code: string): boolean =>
  process.platform === 'darwin' && code === 'EPERM' && GUARDED.test(`${path}/`)

/** Builds the sentence that explains why something in a source cannot be sent. */
export function describeUnsendable(root: string, unsendable: Unsendable): Message {
  const whole = absolutePath(root, unsendable.path)
  const path = whole.length > MAX_SHOWN ? `${whole.slice(0, MAX_SHOWN)}…` : whole
  // path_resolution(7): PATH_MAX is 4,096 bytes with the terminating NUL, whatever the file system could hold.
  if (unsendable.why !== 'name' && unsendable.code === 'ENAMETOOLONG')
    return message('scan.pathTooLong', { path })
  if (unsendable.why !== 'name' && needsFullDiskAccess(whole, unsendable.code))
    return message('scan.fullDiskAccess', { path })
  switch (unsendable.why) {
    case 'name':
      return message('scan.nameNotUtf8', { path })
    case 'directory':
      return message('scan.directoryUnreadable', { path, reason: unsendable.code })
    case 'file':
      return message('scan.fileUnreadable', { path, reason: unsendable.code })
  }
}

/** Shared by the whole process: a call that hangs outlives the session and the settings that it was made for. */
const permits = new Map<string, Semaphore>()

/**
 * Makes a call on a source's tree when a permit is free. The call must not wait for another call of `callOn`, which
 * might never get a permit.
 */
export function callOn<T>(root: string, call: () => Promise<T>): Promise<T> {
  const known = permits.get(root) ?? createSemaphore(CALLS_PER_SOURCE)
  permits.set(root, known)
  return withPermit(known, call)
}
