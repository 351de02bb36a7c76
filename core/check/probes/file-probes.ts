import { randomBytes } from 'node:crypto'
import fs, { constants } from 'node:fs'
import { lstat, opendir, readdir, stat, statfs, unlink } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { dropError, ignoreError } from '../../dropped-errors.ts'
import { closeFd, openFd, READ_FILE, syncFd } from '../../platform/fd.ts'
import { callFailure, type Failure, toSystemError } from './findings.ts'
import { type ProbeReadResult, readFile } from './read-file.ts'

// The read probe of a directory, its write probe, and the removal of abandoned probe files.

/** Limit of a directory's entries that are searched for a file to read. */
const LOOKED_AT = 32
const CONTENT = Buffer.from('Holdfast tests here whether this file system can be written to.\n')
/**
 * A probe file older than this, in milliseconds, is abandoned: its process was killed, or its file system has lost its
 * last changes.
 */
const KEEP_MS = 60 * 60 * 1000
/** A larger directory (bytes of stat(2)), with some 50,000 names or more, is skipped: all names are read at once. */
const MOST_BYTES = 4 * 1024 * 1024
/** Holdfast's own files, which the scanner never sends (filter/exclusion-rules.ts). */
const PROBE_FILE = /^\.holdfast-probe-[0-9a-f]{8}-\d{1,10}-[0-9a-f]{8}-\d+$/

const write = promisify(fs.write)

/**
 * Runs the read probe of a directory: opens it and lists its beginning. A network or FUSE file system has to ask its
 * server for that; a local one may answer from memory. So if `sample` is set (no write probe will access the disk),
 * the first regular file among the first entries is read with O_DIRECT as well.
 */
export async function listDirectory(
  directory: string,
  options: { isBuffered: boolean; sample: boolean; enter?: (step: string) => void },
): Promise<ProbeReadResult> {
  const started = performance.now()
  let step: 'open' | 'read' = 'open'
  let file: string | null = null
  try {
    options.enter?.('open')
    // For each entry whose type the file system does not give, Node.js makes a call that blocks this thread.
    const entries = await opendir(directory, { bufferSize: options.sample ? LOOKED_AT : 1 })
    step = 'read'
    options.enter?.('read')
    try {
      for (let looked = 0; looked < LOOKED_AT && file === null; looked += 1) {
        const entry = await entries.read()
        if (entry === null) break
        if (entry.isFile()) file = path.join(directory, entry.name)
        if (!options.sample) break
      }
    } finally {
      await entries.close().catch(ignoreError('the listing itself is what the probe tests'))
    }
  } catch (error) {
    const failure = { step, ...toSystemError(error) }
    return { delayMs: performance.now() - started, failure, isBuffered: options.isBuffered }
  }
  const delayMs = performance.now() - started
  if (!options.sample || file === null) return { delayMs, failure: null, isBuffered: options.isBuffered }
  const sampled = await readFile(file, { ...options, flags: READ_FILE })
  // Errors of that file alone (its permissions, its removal) do not count for the directory.
  const isOfFile = ['EACCES', 'EPERM', 'ENOENT', 'ELOOP', 'EISDIR'].includes(sampled.failure?.code ?? '')
  return isOfFile ? { delayMs, failure: null, isBuffered: options.isBuffered } : sampled
}

type WriteStep = 'create' | 'write' | 'fsync' | 'read back' | 'list' | 'remove'

interface ProbeWriteResult {
  /** Every step that failed, in order; later steps are tried anyway. */
  failures: Failure[]
  elapsedMs: number
  /** The O_DIRECT read of the new file, which accesses the disk, while a listing may be cached. */
  readBack: ProbeReadResult | null
  /** The name of a probe file that could not be removed; the next probe of this directory tries again. */
  unremoved: string | null
}

/**
 * Runs the write probe: creates a hidden file with a unique name in a directory, writes a few bytes, syncs them to the
 * disk, reads them back from it, lists the file and removes it. All steps are tried, even after a failure.
 *
 * @param enter is called before each step, so that a hang can be named.
 * @param keepsTime puts the directory's modification time back, see `rememberTime`.
 */
export async function probeWriting(
  directory: string,
  options: {
    isBuffered: boolean
    unremoved?: string | null
    keepsTime?: boolean
    enter?: (step: WriteStep) => void
  },
): Promise<ProbeWriteResult> {
  const failures: Failure[] = []
  const started = performance.now()
  const attempt = async <T>(step: WriteStep, call: () => Promise<T>): Promise<T | null> => {
    options.enter?.(step)
    try {
      return await call()
    } catch (thrown) {
      failures.push(await explain(step, thrown, directory))
      return null
    }
  }

  const unremoved = options.unremoved ?? null
  if (unremoved !== null) {
    await attempt('remove', () => remove(path.join(directory, unremoved)))
    const [failure] = failures
    // If files cannot be removed, do not add one at each check; a read-only directory accepts none anyway.
    if (failure !== undefined && !(failure.cause === 'call' && failure.code === 'EROFS')) {
      return { failures, elapsedMs: performance.now() - started, readBack: null, unremoved }
    }
    failures.length = 0
  }
  const name = probeName()
  const file = path.join(directory, name)
  const time = options.keepsTime === true ? await rememberTime(directory) : null
  const descriptor = await attempt('create', () =>
    openFd(file, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600),
  )
  await time?.created()
  let readBack: ProbeReadResult | null = null
  if (descriptor !== null) {
    await attempt('write', () => write(descriptor, CONTENT, 0, CONTENT.length, null))
    await attempt('fsync', () => syncFd(descriptor))
    options.enter?.('read back')
    readBack = await readFile(...getReadArguments(descriptor, file, options.isBuffered))
    // A network file system may report a full disk or a lost server only at close.
    await attempt('fsync', () => closeFd(descriptor))
  }
  await attempt('list', () => lstat(file))
  await time?.removing()
  const isGone = (await attempt('remove', () => remove(file))) === true
  const elapsedMs = performance.now() - started
  if (isGone) await time?.putBack()
  return { failures, elapsedMs, readBack, unremoved: isGone ? null : name }
}

/**
 * A step of the times of a file system, in nanoseconds. Coarser ones (exFAT, FAT, ext4 with small inodes) may give a
 * change by another program the time of the probe's own change, so the two cannot be told apart.
 */
const FINE_NS = 10_000_000n

/**
 * Remembers a directory's modification time, which creating and removing the probe's file changes, and puts it back
 * afterwards. A change by another program wins: if the time has changed while the probe's file was there, it stays as
 * it is. Three system calls of the probe cannot be covered: a change between reading the time and creating the file,
 * removing it, or setting the time is dated back; its ctime shows it. Linux only.
 */
async function rememberTime(directory: string) {
  if (process.platform !== 'linux') return null
  const before = await readModified(directory)
  let created: bigint | null = null
  let isOwn = false
  return {
    created: async () => {
      created = await readModified(directory)
    },
    removing: async () => {
      const isFine = created !== null && created !== before && created % FINE_NS !== 0n
      isOwn = isFine && (await readModified(directory)) === created
    },
    /** Leaves the time of a directory that belongs to another user: utimensat(2) is refused. */
    putBack: async () => {
      if (!isOwn || before === null) return
      // Loaded at the first use: a check that only reads does not need it.
      await import('../../platform/libc.ts')
        .then(({ setModifiedAt }) => setModifiedAt(directory, before))
        .catch(ignoreError('without the native library the time stays that of the probe'))
    },
  }
}

/** Returns the modification time in nanoseconds; null: the directory cannot be examined, which the probe reports. */
const readModified = (directory: string): Promise<bigint | null> =>
  stat(directory, { bigint: true }).then(
    ({ mtimeNs }) => mtimeNs,
    ignoreError('the probe itself reports a directory that fails', null),
  )

/** Names the file that was made, even if its name was replaced: in a directory of many users that may be a link. */
function getReadArguments(
  descriptor: number,
  file: string,
  isBuffered: boolean,
): Parameters<typeof readFile> {
  if (process.platform === 'linux') return [`/proc/self/fd/${descriptor}`, { isBuffered }]
  return [file, { isBuffered, flags: READ_FILE }]
}

/** Removes a file like rm -f: a missing file is no error, not even on a file system where removing fails (EROFS). */
async function remove(file: string): Promise<true> {
  try {
    await unlink(file)
  } catch (thrown) {
    if (toSystemError(thrown).code === 'ENOENT') return true
    const isThere = await lstat(file).then(
      () => true,
      (reason) => toSystemError(reason).code !== 'ENOENT',
    )
    if (isThere) throw thrown
  }
  return true
}

/** Explains ENOSPC, which has two causes with different remedies: no bytes, or no inodes. */
async function explain(step: WriteStep, thrown: unknown, directory: string): Promise<Failure> {
  const error = toSystemError(thrown)
  if (error.code !== 'ENOSPC') return callFailure(step, error)
  const left = await statfs(directory).catch(
    ignoreError('the failed write is reported without the reason for ENOSPC', null),
  )
  // File systems without a fixed number of inodes (btrfs) report 0 of 0.
  const isOutOfInodes = left !== null && left.files > 0 && left.ffree === 0
  return isOutOfInodes ? { step, cause: 'no-inodes' } : callFailure(step, error)
}

const random = () => randomBytes(4).toString('hex')
const RUN = `.holdfast-probe-${random()}-${process.pid}-${random()}`
let made = 0

/** Returns a name that no other probe, process or computer uses. */
export function probeName(): string {
  made += 1
  return `${RUN}-${made}`
}

/** Removes probe files of killed runs from a directory. Errors are dropped, since the probes report them. */
export async function removeLeftOvers(directory: string): Promise<void> {
  try {
    if ((await stat(directory)).size > MOST_BYTES) return
    // Read only the names: for an entry whose type the file system does not give, as on NFS, Node.js makes a call that
    // blocks this thread.
    for (const name of await readdir(directory)) {
      if (!PROBE_FILE.test(name)) continue
      const file = path.join(directory, name)
      const stats = await lstat(file)
      if (stats.isFile() && Date.now() - stats.mtimeMs > KEEP_MS) await unlink(file)
    }
  } catch (error) {
    dropError(error, 'old files of probes are removed another time')
  }
}
