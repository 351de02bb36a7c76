import { unusableData } from '../settings/data-directory.ts'
import { type DirectoryLock, lockDirectory } from '../worker/directory-lock.ts'

/**
 * Claims a data directory for this process; null: another one has it.
 * @throws Problem data.cannotMake
 */
export function lockData(directory: string): DirectoryLock | null {
  try {
    return lockDirectory(directory)
  } catch (thrown) {
    throw unusableData(directory, thrown)
  }
}
