import { holdDirectory } from '../../platform/openat2.ts'

/**
 * Calls `work` with the directory of a source's file, which stays open until the call ends.
 * @param file relative to the source, with "/".
 * @param work gets a path that stays valid if directories are renamed meanwhile (openat(2)); names may be appended.
 * @throws the system error: ENOENT, ENOTDIR, or ELOOP if a component is a symbolic link.
 */
export async function withDirectory<T>(
  source: { path: string },
  file: string,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await holdDirectory(source.path, getDirectory(file))
  try {
    return await work(directory.path)
  } finally {
    await directory.close()
  }
}

export const getDirectory = (file: string): string => file.slice(0, Math.max(0, file.lastIndexOf('/')))

export const getName = (file: string): string => file.slice(file.lastIndexOf('/') + 1)
