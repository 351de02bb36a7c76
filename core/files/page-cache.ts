type Forget = (fd: number, done: () => void) => void

let forget: Promise<Forget | null> | null = null

async function load(): Promise<Forget | null> {
  if (process.platform !== 'linux') return null
  return import('./libc.ts').then(
    (libc) => libc.forgetCachedPages,
    // It does not load everywhere; then what the kernel has kept is what is read.
    () => null,
  )
}

/**
 * Has the kernel forget what it keeps in memory of a file that is synced, so that what is read next comes from the
 * disk: posix_fadvise(2). Never rejects.
 */
export async function forgetCached(fd: number): Promise<void> {
  forget ??= load()
  const call = await forget
  if (call !== null) await new Promise<void>((resolve) => call(fd, resolve))
}
