import { existsSync } from 'node:fs'
import { link, rename, unlink } from 'node:fs/promises'
import { lstatOrNull } from './lstat-or-null.ts'
import { errorCode } from './system-error.ts'

/** Errors of link(2) if the file system has no hard links (FAT, some network file systems), or not this many. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

export const hasNoHardLinks = (error: unknown): boolean => NO_HARD_LINKS.has(errorCode(error) ?? '')

/**
 * Renames a file to a name that does not exist; false: it exists, and both files stay unchanged. Without hard links, a
 * file that another process creates between the check and the rename can be lost.
 */
export async function moveToFree(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    if (!hasNoHardLinks(error)) throw error
    if ((await lstatOrNull(to)) !== null) return false
    await rename(from, to)
    return true
  }
  await unlink(from)
  return true
}

/** Returns a free name beside the file, so that copies kept earlier are not overwritten. */
export function freeName(file: string, what: 'set-aside' | 'kept'): string {
  const stamp = new Date().toISOString().replace(/[:.]/g, '-')
  for (let count = 0; ; count += 1) {
    const name = file.replace(/\.json$/, `.${what}-${stamp}${count === 0 ? '' : `-${count}`}.json`)
    if (!existsSync(name)) return name
  }
}
