import fs, { constants, readFileSync, type Stats } from 'node:fs'
import { access, realpath, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { closeFailed, closeFd, openFd } from '../../platform/fd.ts'
import { findMount, hasUnseenWriters, type Mount, readMounts, toMountId } from '../../platform/mounts.ts'
import { errorCode, isGone } from '../../platform/system-error.ts'
import type { PathToCheck } from '../checker-messages.ts'
import { listDirectory, probeWriting, removeLeftOvers } from './file-probes.ts'
import {
  type CheckProgress,
  callFailure,
  type Failure,
  type Findings,
  type PathMemory,
  toSystemError,
} from './findings.ts'
import { evaluateMount, readErrorsCount } from './mount-probe.ts'
import { readFile } from './read-file.ts'

// The check of a path: resolves it to its file and mount, compares the mount with the remembered one, then reads and
// writes.

/** Interval at which a directory is searched for probe files of killed runs, in milliseconds. */
const TIDY_EVERY_MS = 60 * 60 * 1000
/** How long one reading of the mount table serves the checks of one tick, in milliseconds. */
const FRESH_MS = 50
/** open(2)'s O_PATH, for which Node.js has no constant: resolves a path without opening the file. */
const O_PATH = 0o10000000

const fstat = promisify(fs.fstat)

/** A path that was resolved once, so that all later calls are on the same mount. */
interface Anchor {
  /** A path to the same file, even if it is unmounted or renamed meanwhile. */
  path: string
  stats: Stats
  /** The id of its mount in mountinfo; null where the system has none. */
  mountId: number | null
  release(): Promise<void>
}

/** `sharesWrite`: another path of the file system is written to, and permission is asked for here. */
type Target = Pick<PathToCheck, 'path' | 'probes' | 'keepsTime'> & { sharesWrite?: boolean }

/** The checker's interface to the system; tests replace it. */
export type Disk = ReturnType<typeof createSystemDisk>

export function createSystemDisk() {
  const table = createMountTable()
  const above = (path: string) => findMount(table.current(), path)
  return {
    /** Returns the file system of a path, as far as known without touching the path. */
    getFileSystem: (path: string, { known }: PathMemory) => {
      const mount = above(known?.mount.point ?? path)
      // An automount point without a mount is not one of the file systems that it leads to.
      const isThere = mount !== null && (mount.type !== 'autofs' || known === null)
      return (isThere ? mount.device : known?.mount.device) ?? path
    },
    /** Identifies the mounts that lead to a path, as far as they are known: a different result means a remount. */
    mountedAs: (path: string, { known }: PathMemory) => {
      const first = above(path)
      // A symbolic link may lead from one mount to another: a check can hang in either.
      const last = known === null ? first : above(known.mount.point)
      return `${first?.id} ${first?.device} ${last?.id} ${last?.device}`
    },
    /** True if a failed write to one directory of a path's file system means that all of them fail. */
    sharesWrites: (path: string, { known }: PathMemory) => {
      const mount = above(known?.mount.point ?? path)
      return mount !== null && mount.type !== 'overlay' && !hasUnseenWriters(mount)
    },
    /** Runs the probes in order. Resolves even if they fail, but never if a call does not return. */
    check: async (
      target: Target & Pick<PathToCheck, 'link'>,
      memory: PathMemory,
      progress: CheckProgress,
    ): Promise<Findings> => {
      const { path, link } = target
      const found = await runProbes(table, target, memory, progress)
      const leadsTo = link === undefined ? undefined : await readLinkTarget(link, path)
      // While the path itself is missing, a link to it is broken, too.
      const isAway = leadsTo === null && found.probes.read?.failures.length !== 0
      return leadsTo === undefined || isAway ? found : { ...found, leadsTo }
    },
  }
}

/** Caches the mount table, so that all paths that are checked at the same moment share one reading. */
function createMountTable() {
  let mounts: readonly Mount[] = []
  let readMs = Number.NEGATIVE_INFINITY
  /** Reads again now, as a mount may have appeared. */
  const fresh = () => {
    readMs = performance.now()
    mounts = readMounts() ?? mounts
    return mounts
  }
  return { fresh, current: () => (performance.now() - readMs < FRESH_MS ? mounts : fresh()) }
}
type MountTable = ReturnType<typeof createMountTable>

/** Runs the wanted probes on a path, one after the other, and stops at a mount that is missing. */
async function runProbes(
  table: MountTable,
  { path, probes: wanted, keepsTime, sharesWrite }: Target,
  before: PathMemory,
  progress: CheckProgress,
): Promise<Findings> {
  const started = performance.now()
  /** Result if the path could not be reached: the first probe reports this, the others have no result. */
  const stopped = (failure: Failure, memory: PathMemory): Findings => ({
    probes: { [progress.probe]: { failures: [failure], elapsedMs: performance.now() - started } },
    delayMs: null,
    memory,
  })
  let found: { anchor: Anchor; mount: Mount | null }
  try {
    found = await findMounted(path, table)
  } catch (thrown) {
    const error = toSystemError(thrown)
    const point = error.code === 'ENOENT' ? findUnmountedPoint(table, before) : null
    if (point === null) return stopped(callFailure('open', error), before)
    return stopped({ step: 'mount', cause: 'unmounted', point }, { ...before, wasFaulty: true })
  }
  const { anchor, mount } = found
  let isAnchorInUse = false
  try {
    const evaluated =
      mount === null ? { failures: [], memory: before } : evaluateMount(before, mount, readErrorsCount(mount))
    const [mountFailure] = evaluated.failures
    if (mountFailure?.cause === 'unmounted') return stopped(mountFailure, evaluated.memory)
    if (wanted.includes('mount')) {
      progress.done.mount = { failures: evaluated.failures, elapsedMs: performance.now() - started }
    }
    const isReadOnlyByIntent = mountFailure === undefined && evaluated.memory.known?.readOnlyByIntent === true
    const isWriteWanted = wanted.includes('write') && anchor.stats.isDirectory() && !isReadOnlyByIntent
    const writesFile = isWriteWanted && sharesWrite !== true
    let { memory } = evaluated
    if (wanted.includes('read')) {
      // On file systems with remote writers a listing asks the server anyway, and reading a file may fetch it from
      // afar.
      memory = await runRead(anchor, !writesFile && !hasUnseenWriters(mount), memory, progress)
    }
    // This computer may not know yet what another one has changed.
    const mayKeepTime = keepsTime === true && !hasUnseenWriters(mount)
    if (isWriteWanted && !writesFile) await askForPermission(anchor.path, progress)
    if (writesFile) memory = await runWrite(anchor.path, mayKeepTime, memory, progress)
    if (writesFile && isTidyDue(memory, progress)) {
      memory = { ...memory, tidiedMs: performance.now() }
      isAnchorInUse = true
      // Not awaited: a large directory takes a while.
      void removeLeftOvers(anchor.path).finally(() => anchor.release().catch(closeFailed))
    }
    return { probes: progress.done, delayMs: progress.delayMs, memory }
  } finally {
    if (!isAnchorInUse) await anchor.release().catch(closeFailed)
  }
}

/** Resolves a path and finds its mount. */
async function findMounted(
  path: string,
  table: MountTable,
): Promise<{ anchor: Anchor; mount: Mount | null }> {
  const anchor = await anchorPath(path)
  const mount = getMount(table, anchor)
  if (mount?.type !== 'autofs') return { anchor, mount }
  // An automount point without a mount: O_PATH alone does not trigger the mount, O_DIRECTORY does.
  await anchor.release()
  const mounted = await anchorPath(path, constants.O_DIRECTORY)
  return { anchor: mounted, mount: getMount(table, mounted) }
}

/**
 * Resolves a path without opening the file: with O_PATH no FIFO blocks and no device is touched. /proc/self/fd then
 * leads to the same file without resolving its name again, so nothing is written to the directory under an unmounted
 * disk.
 *
 * @param flags further flags of open(2), where O_PATH exists.
 */
async function anchorPath(path: string, flags = 0): Promise<Anchor> {
  if (process.platform !== 'linux') {
    const stats = await stat(path)
    return {
      path,
      stats,
      mountId: toMountId(stats),
      release: () => Promise.resolve(),
    }
  }
  const descriptor = await openFd(path, O_PATH | flags)
  try {
    return {
      path: `/proc/self/fd/${descriptor}`,
      stats: await fstat(descriptor),
      mountId: readMountId(descriptor),
      release: () => closeFd(descriptor),
    }
  } catch (error) {
    await closeFd(descriptor)
    throw error
  }
}

/** Reads proc_pid_fdinfo(5). Synchronous: the kernel answers from its own memory without calling a file system. */
function readMountId(descriptor: number): number | null {
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1]
  return id === undefined ? null : Number(id)
}

function getMount(table: MountTable, { mountId }: Anchor): Mount | null {
  const isIt = ({ id }: Mount) => id === mountId
  return mountId === null ? null : (table.current().find(isIt) ?? table.fresh().find(isIt) ?? null)
}

/**
 * Returns the remembered mount point if nothing is mounted there now, which explains why a path on it does not exist.
 */
function findUnmountedPoint(table: MountTable, { known }: PathMemory): string | null {
  if (known === null) return null
  const { point } = known.mount
  return table.fresh().some((mount) => mount.point === point) ? null : point
}

/** @param sample true to read a file of a directory, too. */
async function runRead(
  { path, stats }: Anchor,
  sample: boolean,
  memory: PathMemory,
  progress: CheckProgress,
): Promise<PathMemory> {
  progress.probe = 'read'
  const { isBuffered } = memory
  const enter = (step: string) => {
    progress.step = step
  }
  const isDirectory = stats.isDirectory()
  if (!isDirectory && !isReadable(stats)) {
    progress.done.read = { failures: [], elapsedMs: 0 }
    return memory
  }
  const result = isDirectory
    ? await listDirectory(path, { isBuffered, sample, enter })
    : await readFile(path, { isBuffered, enter })
  const failures = result.failure === null ? [] : [callFailure(result.failure.step, result.failure)]
  progress.done.read = { failures, elapsedMs: result.delayMs }
  progress.delayMs = result.failure === null ? result.delayMs : null
  return result.failure === null ? { ...memory, isBuffered: result.isBuffered } : memory
}

/**
 * True for a file or a disk. Other types (a FIFO, a socket, a terminal) are found but not opened: opening may hang
 * without a fault, and data read there would be lost to its intended reader.
 */
function isReadable(stats: Stats): boolean {
  return stats.isFile() || stats.isBlockDevice()
}

/** Runs the write probe; its read from the disk is the directory's real read delay. */
async function runWrite(
  directory: string,
  keepsTime: boolean,
  memory: PathMemory,
  progress: CheckProgress,
): Promise<PathMemory> {
  progress.probe = 'write'
  const { failures, elapsedMs, readBack, unremoved } = await probeWriting(directory, {
    keepsTime,
    isBuffered: memory.isBuffered,
    unremoved: memory.unremoved,
    enter: (step) => {
      progress.step = step
    },
  })
  progress.done.write = { failures, elapsedMs }
  if (readBack?.failure === null) {
    if (progress.delayMs !== null) progress.delayMs = readBack.delayMs
  } else if (readBack !== null) {
    const failure = callFailure('read back', readBack.failure)
    const read = progress.done.read
    if (read === undefined) failures.push(failure)
    else progress.done.read = { ...read, failures: [...read.failures, failure] }
    progress.delayMs = null
  }
  return { ...memory, unremoved }
}

/** Asks whether a file may be created in a directory (access(2)); it changes nothing on the disk. */
async function askForPermission(directory: string, progress: CheckProgress): Promise<void> {
  progress.probe = 'write'
  progress.step = 'create'
  const started = performance.now()
  const failures = await access(directory, constants.W_OK | constants.X_OK).then(
    () => [],
    (thrown: unknown) => [callFailure('create', toSystemError(thrown))],
  )
  progress.done.write = { failures, elapsedMs: performance.now() - started }
}

function isTidyDue({ tidiedMs }: PathMemory, { done }: CheckProgress): boolean {
  if (done.write === undefined || done.write.failures.length > 0) return false
  return tidiedMs === null || performance.now() - tidiedMs >= TIDY_EVERY_MS
}

/** Returns the present target of a link; null: the link is broken; undefined: it is `path`, or unknown. */
async function readLinkTarget(link: string, path: string): Promise<string | null | undefined> {
  try {
    const real = await realpath(link)
    return real === path ? undefined : real
  } catch (thrown) {
    return isGone(errorCode(thrown)) ? null : undefined
  }
}
