import { closeFd, openFd } from '../../files/fd.ts'
import { HOLD_DIRECTORY } from '../../files/open-flags.ts'

/** A directory that was found without following any symbolic link below the source, and is held open. */
export interface HeldDirectory {
  /** The path of one of its entries, whatever becomes of the names that led to the directory (openat(2)). */
  entry(name: string): string
  release(): Promise<void>
}

const held = (fd: number): HeldDirectory => ({
  entry: (name) => `/proc/self/fd/${fd}/${name}`,
  release: () => closeFd(fd).catch(() => undefined),
})

/**
 * Holds the directory that a file of a source is in; Linux only (proc_pid_fd(5)).
 * @param file relative to the source, with "/".
 * @throws what the system says: ENOENT, ENOTDIR, ELOOP where a part is no directory, or a symbolic link.
 */
export async function holdDirectoryOf(root: string, file: string): Promise<HeldDirectory> {
  const parts = file.split('/').slice(0, -1)
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    throw Object.assign(new Error(`${file}: not a plain path`), { code: 'EINVAL' })
  let directory = held(await openFd(root, HOLD_DIRECTORY))
  for (const part of parts) {
    const above = directory
    try {
      directory = held(await openFd(above.entry(part), HOLD_DIRECTORY))
    } finally {
      await above.release()
    }
  }
  return directory
}

/** Does something with the directory that a file of a source is in; held only for that time. */
export async function within<T>(
  source: { path: string },
  file: string,
  work: (directory: HeldDirectory) => Promise<T>,
): Promise<T> {
  const directory = await holdDirectoryOf(source.path, file)
  try {
    return await work(directory)
  } finally {
    await directory.release()
  }
}

export const nameOf = (file: string): string => file.slice(file.lastIndexOf('/') + 1)
