const POSIX_FADV_DONTNEED = 4

type Advise = (fd: number, offset: number, length: number, advice: number, done: () => void) => void

/** In a thread of the native library: to forget a large file takes its time. */
async function loadAdvise(): Promise<Advise | null> {
  if (process.platform !== 'linux') return null
  try {
    const { default: koffi } = await import('koffi')
    const call = koffi.load(null).func('int posix_fadvise(int fd, long offset, long length, int advice)')
    return (fd, offset, length, advice, done) => void call.async(fd, offset, length, advice, done)
  } catch {
    // It does not load everywhere; then what the kernel has kept is what is read.
    return null
  }
}

let advise: Promise<Advise | null> | null = null

/**
 * Has the kernel forget what it keeps in memory of a file that is synced, so that what is read next comes from the
 * disk: posix_fadvise(2). Never rejects.
 */
export async function forgetCached(fd: number): Promise<void> {
  advise ??= loadAdvise()
  const call = await advise
  if (call === null) return
  await new Promise<void>((resolve) => call(fd, 0, 0, POSIX_FADV_DONTNEED, () => resolve()))
}
