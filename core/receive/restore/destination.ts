import { makeDirectories } from '../../files/make-directories.ts'
import { holdRoot } from '../placement/held-directory.ts'
import { restoreStopped } from './problems.ts'

/**
 * Makes a destination, and what is missing above it.
 * @throws Problem where it cannot be made, or is no directory: no file could be brought there.
 */
export async function makeDestination(directory: string): Promise<void> {
  try {
    await makeDirectories(directory)
    await (await holdRoot(directory)).close()
  } catch (thrown) {
    throw restoreStopped(directory, thrown)
  }
}
