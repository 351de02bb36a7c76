import { futimesSync } from 'node:fs'
import { warnUnlessCode } from '../dropped-errors.ts'

/** The calls of the C library that Node has not (libc.ts); null on Windows, and where the native library does not load. */
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

/** Whether a program has the file of an open descriptor open for writing. `unknown`: this system does not tell. */
export const hasWriter = (fd: number): 'no' | 'yes' | 'unknown' =>
  process.platform === 'linux' ? (native?.hasWriter(fd) ?? 'unknown') : 'unknown'

/** A file's extended attributes by its open descriptor; null: it has none, or this system keeps none. */
export const attributesOf = (fd: number): Record<string, Buffer> | null =>
  process.platform === 'linux' ? (native?.attributesOf(fd) ?? null) : null

/**
 * Has the kernel forget what it keeps in memory of a file that is synced, so that what is read next comes from the
 * disk: posix_fadvise(2), of Linux alone. Never rejects.
 */
export async function forgetCached(fd: number): Promise<void> {
  if (process.platform !== 'linux' || native === null) return
  const { forgetCachedPages } = native
  await new Promise<void>((resolve) => forgetCachedPages(fd, resolve))
}

/**
 * Sets an open file's time of modification, in nanoseconds since 1970; without the C library to the millisecond. The
 * kernel answers from memory.
 * @throws what the system says.
 */
export function setTimes(fd: number, mtimeNs: bigint): void {
  if (native !== null) {
    native.setModified(fd, mtimeNs)
    return
  }
  const seconds = Number(mtimeNs / 1_000_000n) / 1000
  // Node.js takes a time before 1970 for now.
  if (seconds >= 0) futimesSync(fd, seconds, seconds)
}
