import { constants, type Stats } from 'node:fs'
import type { Mount } from '../../mounts/mountinfo.ts'
import type { ProbeKind } from '../messages.ts'
import { type Anchor, anchorPath } from './anchor.ts'
import { stat } from './calls.ts'
import { systemErrorOf } from './errno.ts'
import {
  callFailure,
  type Failure,
  type Findings,
  type KindOfPath,
  type PathMemory,
  type Progress,
} from './findings.ts'
import { removeLeftOvers } from './leftovers.ts'
import { listDirectory } from './list-directory.ts'
import { lookAtMount } from './look-at-mount.ts'
import { createMountTable, type MountTable } from './mount-table.ts'
import { readFile } from './read-file.ts'
import { writeFile } from './write-file.ts'

/** What the checker asks of the system; a test puts its own in. */
export interface Disk {
  /** The file system that a path is on, as far as it is known without touching the path. */
  fileSystemOf(path: string, memory: PathMemory): string
  /** The mounts that lead to a path, as far as they are known so: another answer, and one of them was mounted anew. */
  mountedAs(path: string, memory: PathMemory): string
  /**
   * Whether a single read tells as much as all these probes: the last check found it well, nothing is to be
   * written, and neither a mount above it nor the file system's count of errors has changed since.
   */
  isReadEnough(wanted: readonly ProbeKind[], memory: PathMemory): boolean
  /** Whether no mount above the path has changed since the check that has found a single read to be enough. */
  isMountedAsBefore(memory: PathMemory): boolean
  /**
   * What is there, null if nothing can be said. Does not resolve, and holds a thread, if its file system hangs; a check
   * tells it by itself (Progress).
   */
  kindAt(path: string): Promise<KindOfPath | null>
  /** Runs the probes one after another. Resolves whatever fails, and not at all if a call never returns. */
  check(path: string, wanted: readonly ProbeKind[], memory: PathMemory, progress: Progress): Promise<Findings>
}

/** How often a directory is searched for probe files of killed runs, in milliseconds. */
const TIDY_EVERY_MS = 60 * 60 * 1000

/** A path that is read alone is looked at in full this often: a link may lead elsewhere, and no mount has changed. */
const FULL_CHECK_EVERY_MS = 5 * 60 * 1000

export function createSystemDisk(table: MountTable = createMountTable()): Disk {
  const check: Disk['check'] = async (path, wanted, before, progress) => {
    const started = performance.now()
    const generation = table.generation()
    /** The path could not even be reached: the first probe says so, the others have no answer. */
    const stopped = (failure: Failure, memory: PathMemory): Findings => ({
      probes: { [progress.probe]: { failures: [failure], elapsedMs: performance.now() - started } },
      delayMs: null,
      memory: { ...memory, tidiedMs: null, readSuffices: null },
    })
    let found: { anchor: Anchor; mount: Mount | null }
    try {
      found = await findMounted(path, table)
    } catch (thrown) {
      const error = systemErrorOf(thrown)
      const point = error.code === 'ENOENT' ? await pointThatIsAway(table, before) : null
      if (point === null) return stopped(callFailure('open', error), before)
      return stopped({ step: 'mount', cause: 'unmounted', point }, { ...before, wasFaulty: true })
    }
    const { anchor, mount } = found
    progress.kind = kindOf(anchor.stats)
    let isAnchorInUse = false
    try {
      const looked =
        mount === null
          ? { failures: [], memory: before }
          : lookAtMount(before, mount, await table.errorsCount(mount))
      const [mountFailure] = looked.failures
      if (mountFailure?.cause === 'unmounted') return stopped(mountFailure, looked.memory)
      if (wanted.includes('mount')) {
        progress.done.mount = { failures: looked.failures, elapsedMs: performance.now() - started }
      }
      let memory = looked.memory
      const isDirectory = anchor.stats.isDirectory()
      if (!isDirectory && !isReadable(anchor.stats)) progress.leaveFileSystem()
      const isReadOnlyByIntent = mountFailure === undefined && memory.known?.readOnlyByIntent === true
      const mayWrite = wanted.includes('write') && isDirectory && !isReadOnlyByIntent
      if (wanted.includes('read')) {
        memory = await runRead(
          anchor,
          { isDirectory, sample: !mayWrite && !isOverNetwork(mount) },
          memory,
          progress,
        )
      }
      if (mayWrite) {
        memory = await runWrite(anchor.path, memory, progress)
        // A file system that failed may come back with probe files that were long removed.
        if (progress.done.write?.failures.length !== 0) memory = { ...memory, tidiedMs: null }
        if (isTidyDue(memory, progress)) {
          memory = { ...memory, tidiedMs: performance.now() }
          isAnchorInUse = true
          void removeLeftOvers(anchor.path).finally(() => anchor.release().catch(() => undefined))
        }
      }
      const isWell = Object.values(progress.done).every(({ failures }) => failures.length === 0)
      // Spread, so that the paths that were chosen together do not fall due together.
      const untilMs = performance.now() + FULL_CHECK_EVERY_MS * (0.75 + Math.random() / 2)
      memory = {
        ...memory,
        readSuffices:
          isReadable(anchor.stats) && isWell ? { paths: [path, anchor.real], generation, untilMs } : null,
      }
      return { probes: progress.done, delayMs: progress.delayMs, memory }
    } finally {
      if (!isAnchorInUse) await anchor.release().catch(() => undefined)
    }
  }

  const isMountedAsBefore = ({ readSuffices }: PathMemory): boolean =>
    readSuffices !== null && table.isUnchangedFor(readSuffices.paths, readSuffices.generation)

  return {
    isReadEnough: (wanted, memory) => {
      const { readSuffices, known, soundErrorsCount } = memory
      if (!wanted.includes('read') || readSuffices === null) return false
      if (performance.now() >= readSuffices.untilMs || !isMountedAsBefore(memory)) return false
      if (!wanted.includes('mount') || known === null) return true
      return table.errorsCountNow(known.mount) === soundErrorsCount
    },
    isMountedAsBefore,
    kindAt: (path) => stat(path).then(kindOf, () => null),
    fileSystemOf: (path, { known }) => {
      const mount = table.above(known?.mount.point ?? path)
      // An automount point that nothing is mounted at just now is none of the file systems that it leads to.
      const isThere = mount !== null && (mount.type !== 'autofs' || known === null)
      return (isThere ? mount.device : known?.mount.device) ?? path
    },
    mountedAs: (path, { known }) => {
      const above = table.above(path)
      // A link may lead from one mount to another: a check can hang in either.
      const last = known === null ? above : table.above(known.mount.point)
      return `${above?.id} ${above?.device} ${last?.id} ${last?.device}`
    },
    check,
  }
}

function kindOf(stats: Stats): KindOfPath {
  if (isReadable(stats)) return 'storage'
  return stats.isFIFO() ? 'fifo' : 'other'
}

/** A file or a disk; reading anything else may hang for reasons of its own. */
function isReadable(stats: Stats): boolean {
  return stats.isFile() || stats.isBlockDevice()
}

/** What a path is now, and its mount. */
async function findMounted(
  path: string,
  table: MountTable,
): Promise<{ anchor: Anchor; mount: Mount | null }> {
  const anchor = await anchorPath(path)
  const mount = await mountOf(table, anchor)
  if (mount?.type !== 'autofs') return { anchor, mount }
  // An automount point that nothing is mounted at just now: O_PATH alone does not have it mounted, to ask for a
  // directory does.
  await anchor.release()
  const mounted = await anchorPath(path, constants.O_DIRECTORY)
  return { anchor: mounted, mount: await mountOf(table, mounted) }
}

async function mountOf(table: MountTable, { mountId }: Anchor): Promise<Mount | null> {
  if (mountId === null) return null
  const isIt = ({ id }: Mount) => id === mountId
  return (await table.current()).find(isIt) ?? (await table.fresh()).find(isIt) ?? null
}

/** The remembered mount point, if nothing is mounted there now: why a path on it does not exist. */
async function pointThatIsAway(table: MountTable, { known }: PathMemory): Promise<string | null> {
  if (known === null) return null
  const { point } = known.mount
  return (await table.fresh()).some((mount) => mount.point === point) ? null : point
}

/** Listing such a file system asks its server anyway, and reading a file of it may fetch that from afar. */
function isOverNetwork(mount: Mount | null): boolean {
  return mount !== null && /^(nfs|cifs|smb|fuse|ceph|9p|afs|glusterfs|lustre)/.test(mount.type)
}

function isTidyDue({ tidiedMs }: PathMemory, { done }: Progress): boolean {
  if (done.write === undefined || done.write.failures.length > 0) return false
  return tidiedMs === null || performance.now() - tidiedMs >= TIDY_EVERY_MS
}

async function runRead(
  anchor: Anchor,
  { isDirectory, sample }: { isDirectory: boolean; sample: boolean },
  memory: PathMemory,
  progress: Progress,
): Promise<PathMemory> {
  progress.probe = 'read'
  const enter = (step: string) => {
    progress.step = step
  }
  const { isBuffered } = memory
  const result = isDirectory
    ? await listDirectory(anchor.path, { isBuffered, sample, enter })
    : await readFile(anchor.path, { isBuffered, enter })
  const failures = result.failure === null ? [] : [callFailure(result.failure.step, result.failure)]
  progress.done.read = { failures, elapsedMs: result.delayMs }
  progress.delayMs = result.failure === null ? result.delayMs : null
  return result.failure === null ? { ...memory, isBuffered: result.isBuffered } : memory
}

/** The write probe; its read from the disk is the directory's real read delay. */
async function runWrite(directory: string, memory: PathMemory, progress: Progress): Promise<PathMemory> {
  progress.probe = 'write'
  const { failures, elapsedMs, readBack, unremoved } = await writeFile(directory, {
    isBuffered: memory.isBuffered,
    unremoved: memory.unremoved,
    enter: (step) => {
      progress.step = step
    },
  })
  progress.done.write = { failures, elapsedMs }
  const after = { ...memory, unremoved }
  if (readBack === null) return after
  if (readBack.failure === null) {
    if (progress.delayMs !== null) progress.delayMs = readBack.delayMs
    return after
  }
  const failure = callFailure('read back', readBack.failure)
  const read = progress.done.read
  if (read === undefined) failures.push(failure)
  else progress.done.read = { ...read, failures: [...read.failures, failure] }
  progress.delayMs = null
  return after
}
