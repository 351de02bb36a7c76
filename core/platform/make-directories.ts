import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { errorCode, isGone } from './system-error.ts'

/**
 * Makes a directory, and what is missing above it, level by level. Node's own `recursive` says ENOENT where a read-only
 * file system says EROFS, and below /proc, which takes no directory, it never ends.
 * @throws what the system says.
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
  // A drive that is not there has nothing above it.
  if (above !== directory) await makeDirectories(above, mode)
  await mkdir(directory, { mode }).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error
  })
}
