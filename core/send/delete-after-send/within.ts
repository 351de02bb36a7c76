import { holdDirectory } from '../../platform/openat2.ts'

/**
 * Does something with the directory that a file of a source is in, which is held for that time.
 * @param file relative to the source, with "/".
 * @param work gets a path that leads to it whatever becomes of the names on the way (openat(2)); names may be appended.
 * @throws what the system says: ENOENT, ENOTDIR, ELOOP where a part is no directory, or a symbolic link.
 */
export async function within<T>(
  source: { path: string },
  file: string,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await holdDirectory(source.path, directoryOf(file))
  try {
    return await work(directory.path)
  } finally {
    await directory.close()
  }
}

export const directoryOf = (file: string): string => file.slice(0, Math.max(0, file.lastIndexOf('/')))

export const nameOf = (file: string): string => file.slice(file.lastIndexOf('/') + 1)
