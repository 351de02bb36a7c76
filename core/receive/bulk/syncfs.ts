import { statfs } from 'node:fs/promises'
import { release } from 'node:os'
import koffi from 'koffi'
import { lastError } from '../../files/lease.ts'

/**
 * File systems (statfs(2), linux/magic.h) whose syncfs waits for data, names and the disk's own cache: ext2, 3 and
 * 4, xfs, btrfs. What passes calls on to others (overlayfs, FUSE, networks) is not among them.
 */
const SYNCED_WHOLE = new Set([0xef53, 0x58465342, 0x9123683e])

/**
 * Linux 5.17. Before 5.8 syncfs(2) did not tell of data that could not be written (syncfs(2), ERRORS); before 5.17
 * not of what the file system's own sync_fs said (fs/sync.c).
 */
function tellsOfErrors(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number)
  return major > 5 || (major === 5 && minor >= 17)
}

/** Whether one syncfs(2) makes all durable that was written to the file system of this directory. */
export async function canSyncWhole(directory: string): Promise<boolean> {
  if (process.platform !== 'linux' || !tellsOfErrors(release())) return false
  return SYNCED_WHOLE.has((await statfs(directory)).type)
}

/** Blocks: for a thread of its own. @returns the error's name, or null. */
export function openSyncWhole(): (fd: number) => string | null {
  const call: (fd: number) => number = koffi.load(null).func('int syncfs(int fd)')
  return (fd) => (call(fd) === 0 ? null : lastError())
}
