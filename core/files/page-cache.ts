import { native } from './native.ts'

/**
 * Has the kernel forget what it keeps in memory of a file that is synced, so that what is read next comes from the
 * disk: posix_fadvise(2), of Linux alone. Never rejects.
 */
export async function forgetCached(fd: number): Promise<void> {
  if (process.platform !== 'linux' || native === null) return
  const { forgetCachedPages } = native
  await new Promise<void>((resolve) => forgetCachedPages(fd, resolve))
}
