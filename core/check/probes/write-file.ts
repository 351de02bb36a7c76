import { randomBytes } from 'node:crypto'
import fs, { constants } from 'node:fs'
import { lstat, readdir, stat, statfs, unlink } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { dropError, ignoreError } from '../../dropped-errors.ts'
import { closeFd, openFd, syncFd } from '../../platform/fd.ts'
import { READ_FILE } from '../../platform/open-flags.ts'
import { systemErrorOf } from './errno.ts'
import { callFailure, type Failure } from './findings.ts'
import { type ProbeReadResult, readFile } from './read.ts'

const write = promisify(fs.write)

export type WriteStep = 'create' | 'write' | 'fsync' | 'read back' | 'list' | 'remove'

export interface ProbeWriteResult {
  /** Every step that failed, in order; the steps after it are tried all the same. */
  failures: Failure[]
  elapsedMs: number
  /** The O_DIRECT read of the file just written: it goes to the disk, where a listing may be remembered. */
  readBack: ProbeReadResult | null
  /** The probe file's name where it could not be removed; the next probe of this directory takes it along. */
  unremoved: string | null
}

const CONTENT = Buffer.from('Holdfast tests here whether this file system can be written to.\n')

/**
 * The write probe: creates a hidden file of a unique name in a directory, writes a few bytes, syncs them to
 * the disk, reads them back from it, lists the file and removes it. All of it is tried whatever fails.
 *
 * @param enter is told each step before it begins, so that a hang can be named.
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
    // A directory that gives nothing back is not filled with one file each check; a read-only one takes none.
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
    readBack = await readFile(...itself(descriptor, file, options.isBuffered))
    // A network file system may keep a full disk or a lost server for the close.
    await attempt('fsync', () => closeFd(descriptor))
  }
  await attempt('list', () => lstat(file))
  const isGone = (await attempt('remove', () => remove(file))) === true
  return { failures, elapsedMs: performance.now() - started, readBack, unremoved: isGone ? null : name }
}

/** The very file that was made, whatever has its name by now: in a directory of many users that may be a link. */
function itself(descriptor: number, file: string, isBuffered: boolean): Parameters<typeof readFile> {
  if (process.platform === 'linux') return [`/proc/self/fd/${descriptor}`, { isBuffered }]
  return [file, { isBuffered, flags: READ_FILE }]
}

/** As rm -f: what is not there need not be removed, also where nothing could be removed (EROFS). */
async function remove(file: string): Promise<true> {
  try {
    await unlink(file)
  } catch (thrown) {
    if (systemErrorOf(thrown).code === 'ENOENT') return true
    const isThere = await lstat(file).then(
      () => true,
      (reason) => systemErrorOf(reason).code !== 'ENOENT',
    )
    if (isThere) throw thrown
  }
  return true
}

/** ENOSPC has two reasons that are mended differently: no bytes, or no inodes. */
async function explain(step: WriteStep, thrown: unknown, directory: string): Promise<Failure> {
  const error = systemErrorOf(thrown)
  if (error.code !== 'ENOSPC') return callFailure(step, error)
  const left = await statfs(directory).catch(
    ignoreError('the failed write is reported without the reason for ENOSPC', null),
  )
  // File systems without a fixed number of inodes (btrfs) say 0 of 0.
  const isOutOfInodes = left !== null && left.files > 0 && left.ffree === 0
  return isOutOfInodes ? { step, cause: 'no-inodes' } : callFailure(step, error)
}

/** Holdfast's own files: the scanner never ships them (filter/names.ts). */
const PROBE_FILE = /^\.holdfast-probe-[0-9a-f]{8}-\d{1,10}-[0-9a-f]{8}-\d+$/

const random = () => randomBytes(4).toString('hex')
const RUN = `.holdfast-probe-${random()}-${process.pid}-${random()}`
let made = 0

/** A name that no other probe, process or computer uses. */
export function probeName(): string {
  made += 1
  return `${RUN}-${made}`
}

/**
 * An older probe file, in milliseconds, is one that nobody removes any more: its process was killed, or its file system
 * has lost its last moments.
 */
const KEEP_MS = 60 * 60 * 1000
/** A directory of more bytes (stat(2)), with some 50,000 names or more, is left as it is: all are read at once. */
const MOST_BYTES = 4 * 1024 * 1024

/** Removes the probe files that killed runs left in a directory. FlapSeries is not its business, the probes name it. */
export async function removeLeftOvers(directory: string): Promise<void> {
  try {
    if ((await stat(directory)).size > MOST_BYTES) return
    // Names alone: for an entry whose type the file system does not tell, as on NFS, Node.js asks with a call that blocks
    // this thread.
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
