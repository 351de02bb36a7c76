import { realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { errorCode, isGone } from '../../files/system-error.ts'
import { Problem } from '../../words/problem.ts'
import { restoreStopped } from './problems.ts'

/** The directory that a path leads to; of one that is not made yet, the nearest one above it. */
async function nearestReal(file: string): Promise<string> {
  try {
    return await realpath(file)
  } catch (thrown) {
    const above = path.dirname(file)
    if (above === file || !isGone(errorCode(thrown))) throw thrown
    return nearestReal(above)
  }
}

/** Whether a path leads to a directory, or to something in it, whatever symbolic links or spellings it takes. */
async function isInside(file: string, directory: string): Promise<boolean> {
  const wanted = await stat(directory, { bigint: true })
  let at = await nearestReal(file)
  for (;;) {
    const { dev, ino } = await stat(at, { bigint: true })
    if (dev === wanted.dev && ino === wanted.ino) return true
    const above = path.dirname(at)
    if (above === at) return false
    at = above
  }
}

/** @throws Problem when a destination is in the store, or cannot be looked at. */
export async function requireOutside(destination: string, store: string): Promise<void> {
  const inside = await isInside(destination, store).catch((thrown: unknown) => {
    throw restoreStopped(destination, thrown)
  })
  if (inside) throw new Problem('store.restoreInside', { path: destination })
}
