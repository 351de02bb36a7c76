import { randomBytes } from 'node:crypto'
import fs, { constants } from 'node:fs'
import { lstat, readdir, stat, statfs, unlink } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { dropError, ignoreError } from '../../dropped-errors.ts'
import { closeFd, openFd, syncFd } from '../../platform/fd.ts'
import { READ_FILE } from '../../platform/open-flags.ts'
import { toSystemError } from './errno.ts'
import { callFailure, type Failure } from './findings.ts'
import { type ProbeReadResult, readFile } from './read.ts'

const write = promisify(fs.write)

export type WriteStep = 'create' | 'write' | 'fsync' | 'read back' | 'list' | 'remove'

export interface ProbeWriteResult {
  /** Every step that failed, in order; later steps are tried anyway. */
  failures: Failure[]
  elapsedMs: number
  /** The O_DIRECT read of the new file, which accesses the disk, while a listing may be cached. */
  readBack: ProbeReadResult | null
  /** The name of a probe file that could not be removed; the next probe of this directory tries again. */
  unremoved: string | null
}

const CONTENT = Buffer.from('Holdfast tests here whether this file system can be written to.\n')

/**
 * Runs the write probe: creates a hidden file with a unique name in a directory, writes a few bytes, syncs them to the
 * disk, reads them back from it, lists the file and removes it. All steps are tried, even after a failure.
 *
 * @param enter is called before each step, so that a hang can be named.
 */
export async function writeFile(
  directory: string,
  options: { isBuffered: boolean; unremoved?: string | null; enter?: (step: WriteStep) => void },
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
  const descriptor = await attempt('create', () =>
    openFd(file, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600),
  )
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
  const isGone = (await attempt('remove', () => remove(file))) === true
  return { failures, elapsedMs: performance.now() - started, readBack, unremoved: isGone ? null : name }
}

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

/** Holdfast's own files, which the scanner never sends (filter/names.ts). */
const PROBE_FILE = /^\.holdfast-probe-[0-9a-f]{8}-\d{1,10}-[0-9a-f]{8}-\d+$/

const random = () => randomBytes(4).toString('hex')
const RUN = `.holdfast-probe-${random()}-${process.pid}-${random()}`
let made = 0

/** Returns a name that no other probe, process or computer uses. */
export function probeName(): string {
  made += 1
  return `${RUN}-${made}`
}

/**
 * A probe file older than this, in milliseconds, is abandoned: its process was killed, or its file system has lost its
 * last changes.
 */
const KEEP_MS = 60 * 60 * 1000
/** A larger directory (bytes of stat(2)), with some 50,000 names or more, is skipped: all names are read at once. */
const MOST_BYTES = 4 * 1024 * 1024

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
