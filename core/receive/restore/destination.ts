import { makeDirectories } from '../../files/make-directories.ts'
import { errorCode } from '../../files/system-error.ts'
import { Problem } from '../../words/problem.ts'
import { holdRoot } from '../placement/held-directory.ts'

/**
 * Makes a destination, and what is missing above it.
 * @throws Problem where it cannot be made, or is no directory: no file could be brought there.
 */
export async function makeDestination(directory: string): Promise<void> {
  try {
    await makeDirectories(directory)
    await (await holdRoot(directory)).close()
  } catch (thrown) {
    const reason = errorCode(thrown) ?? String(thrown)
    throw new Problem('store.restoreStopped', { path: directory, reason }, { cause: thrown })
  }
}
