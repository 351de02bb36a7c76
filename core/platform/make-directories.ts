import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { errorCode, isGone } from './system-error.ts'

/**
 * Creates a directory and its missing parents, level by level. Node's `recursive` reports ENOENT for a read-only file
 * system instead of EROFS, and never ends below /proc, which accepts no directories.
 * @throws the system error.
 */
export async function makeDirectories(directory: string, mode?: number): Promise<void> {
  const there = await stat(directory).catch((error: unknown) => {
    if (!isGone(errorCode(error))) throw error
    return null
  })
  if (there?.isDirectory()) return
  if (there !== null)
    throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${directory}'`), { code: 'ENOTDIR' })
  const above = path.dirname(directory)
  // The root of a missing drive has no parent.
  if (above !== directory) await makeDirectories(above, mode)
  await mkdir(directory, { mode }).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error
  })
}
