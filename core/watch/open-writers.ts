import { lstat, readlink } from 'node:fs/promises'
import { deferAsync } from '../defer.ts'
import { closeFd, openFd, READ_FILE } from '../platform/fd.ts'
import { findMount, hasUnseenWriters, readMounts } from '../platform/mounts.ts'
import { hasWriter } from '../platform/native.ts'
import { holdDirectory } from '../platform/openat2.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import { type ScannedFile, splitPath, toScannedFile } from '../walk/scanned-file.ts'
import { callOn } from '../walk/walk.ts'

/**
 * Result of an examination: metadata, and whether a program has the file open for writing. `unknown`: the system
 * cannot show that, or refused to with `code`. `gone`: it is not a file, or no longer there.
 */
export type ExaminedFile =
  | { state: 'free' | 'busy'; scanned: ScannedFile }
  | { state: 'unknown'; scanned: ScannedFile; code: string | null }
  | { state: 'gone' }
  | { state: 'error'; code: string }

/**
 * Examines a file through the pool of threads: a disk that hangs blocks one of those.
 * @param file relative to the source.
 * @param place the directory whose disk the call is counted for (callOn).
 */
export async function probeWriters(root: string, file: string, place = root): Promise<ExaminedFile> {
  try {
    return await callOn(place, () => statAndProbe(root, file))
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    return isGone(code) || code === 'ELOOP' ? { state: 'gone' } : { state: 'error', code }
  }
}

/**
 * True if a program is at work on a file: it has it open for writing, or, if the system cannot show that, the file has
 * changed just now.
 * @param isClosed its producer begins no further files: unless writers are unknown, only an open file is being written.
 */
export function isAtWork(
  seen: ExaminedFile,
  { quietMs, isClosed }: { quietMs: number; isClosed: boolean },
): boolean {
  if (seen.state === 'gone' || seen.state === 'error') return false
  // A time slightly in the future counts, too: another computer's clock may have set it. Far ahead, it would count for
  // ever.
  const isFresh = Math.abs(Date.now() - Number(seen.scanned.mtimeNs / 1_000_000n)) < quietMs
  return seen.state === 'busy' || (isFresh && (!isClosed || seen.state === 'unknown'))
}

async function statAndProbe(root: string, file: string): Promise<ExaminedFile> {
  const [directory, name] = splitPath(file)
  const held = await holdDirectory(root, directory)
  await using _ = deferAsync(() => held.close())
  const at = `${held.path}/${name}`
  // Check the type before opening it: a device may react to that.
  const stats = await lstat(at, { bigint: true })
  if (!stats.isFile()) return { state: 'gone' }
  const scanned = toScannedFile(file, stats)
  if (process.platform === 'win32') return await probe(at, scanned)
  if (process.platform !== 'linux') return { state: 'unknown', scanned, code: null }
  // On such a file system the kernel always answers that there is a writer.
  const mount = findMount(readMounts() ?? [], await readlink(held.path))
  if (hasUnseenWriters(mount)) return { state: 'unknown', scanned, code: null }
  return await probe(at, scanned)
}

async function probe(at: string, scanned: ScannedFile): Promise<ExaminedFile> {
  let fd: number
  try {
    fd = await openFd(at, READ_FILE)
  } catch (error) {
    const code = errorCode(error)
    if (isGone(code) || code === 'ELOOP') return { state: 'gone' }
    return { state: 'unknown', scanned, code: code ?? String(error) }
  }
  try {
    const answer = hasWriter(fd)
    if (answer === 'unknown') return { state: 'unknown', scanned, code: null }
    return { state: answer === 'yes' ? 'busy' : 'free', scanned }
  } finally {
    await closeFd(fd)
  }
}
