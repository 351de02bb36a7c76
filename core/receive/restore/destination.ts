import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { errorCode, isGone } from '../../files/system-error.ts'
import { Problem } from '../../words/problem.ts'
import { holdRoot } from '../placement/held-directory.ts'

/** Not `recursive`: that one says ENOENT where a read-only file system says EROFS, and a full quota EDQUOT. */
async function makeAll(directory: string): Promise<void> {
  const there = await stat(directory).catch((thrown: unknown) => {
    if (!isGone(errorCode(thrown))) throw thrown
    return null
  })
  if (there !== null) return
  const above = path.dirname(directory)
  // A drive that is not there has nothing above it.
  if (above !== directory) await makeAll(above)
  await mkdir(directory).catch((thrown: unknown) => {
    if (errorCode(thrown) !== 'EEXIST') throw thrown
  })
}

/**
 * Makes a destination, and what is missing above it.
 * @throws Problem where it cannot be made, or is no directory: no file could be brought there.
 */
export async function makeDestination(directory: string): Promise<void> {
  try {
    await makeAll(directory)
    await (await holdRoot(directory)).close()
  } catch (thrown) {
    const reason = errorCode(thrown) ?? String(thrown)
    throw new Problem('store.restoreStopped', { path: directory, reason }, { cause: thrown })
  }
}
