import { futimesSync, renameSync } from 'node:fs'
import { warnUnlessCode } from '../dropped-errors.ts'
import { retryInUseSync } from './in-use.ts'

/** Functions of the C library that Node lacks (libc.ts); null on Windows, and if the native library does not load. */
export const native =
  process.platform === 'win32'
    ? null
    : await import('./libc.ts').catch((error: unknown) =>
        warnUnlessCode(
          error,
          [],
          'the native library does not load; inotify, leases and syncfs are not used',
          null,
        ),
      )

/** Functions of Windows that Node lacks (windows.ts); null elsewhere, and if the native library does not load. */
export const windows =
  process.platform === 'win32'
    ? await import('./windows.ts').catch((error: unknown) =>
        warnUnlessCode(
          error,
          [],
          'the native library does not load; nothing shows which files are open',
          null,
        ),
      )
    : null

/**
 * Checks if a process has the file of an open descriptor open for writing. The descriptor must be open for reading
 * only. `unknown`: the system cannot show that.
 */
export function hasWriter(fd: number): 'no' | 'yes' | 'unknown' {
  const system = process.platform === 'linux' ? native : windows
  return system?.hasWriter(fd) ?? 'unknown'
}

/**
 * Renames a file to the name of another one, which it replaces. Blocks.
 * @throws the system error; EBUSY if a program of Windows has the other one open: Windows itself reports a missing
 * permission then.
 */
export function replaceSync(from: string, to: string): void {
  try {
    retryInUseSync(() => renameSync(from, to))
  } catch (error) {
    throw windows?.isOpen(to) ? Object.assign(new Error(`EBUSY: rename '${to}'`), { code: 'EBUSY' }) : error
  }
}

/** Returns the extended attributes of an open file; null: it has none, or they are not supported on this system. */
export const readAttributes = (fd: number): Record<string, Buffer> | null =>
  process.platform === 'linux' ? (native?.readAttributes(fd) ?? null) : null

/**
 * Drops a synced file from the kernel's page cache, so that the next read comes from the disk: posix_fadvise(2), Linux
 * only. Never rejects.
 */
export async function forgetCached(fd: number): Promise<void> {
  if (process.platform !== 'linux' || native === null) return
  const { forgetCachedPages } = native
  await new Promise<void>((resolve) => forgetCachedPages(fd, resolve))
}

/**
 * Sets an open file's modification time, in nanoseconds since 1970; without the C library in milliseconds. The kernel
 * answers from memory.
 * @throws the system error.
 */
export function setTimes(fd: number, mtimeNs: bigint): void {
  if (native !== null) {
    native.setModified(fd, mtimeNs)
    return
  }
  const seconds = Number(mtimeNs / 1_000_000n) / 1000
  // Node.js treats a time before 1970 as the current time.
  if (seconds >= 0) futimesSync(fd, seconds, seconds)
}
