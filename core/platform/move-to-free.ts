import { existsSync } from 'node:fs'
import { link, rename, unlink } from 'node:fs/promises'
import { lstatOrNull } from './lstat-or-null.ts'
import { errorCode } from './system-error.ts'

/** What link(2) says where there are no hard links (FAT, some network file systems), or not that many. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

export const hasNoHardLinks = (error: unknown): boolean => NO_HARD_LINKS.has(errorCode(error) ?? '')

/**
 * Gives a file a name that nothing has; false: something has it, and both stay as they are. Without hard links there is
 * a moment between looking and renaming in which another process can lose what it puts there.
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

/** A name beside the file that nothing has yet: what was kept earlier must not be overwritten either. */
export function freeName(file: string, what: 'set-aside' | 'kept'): string {
  const stamp = new Date().toISOString().replace(/[:.]/g, '-')
  for (let count = 0; ; count += 1) {
    const name = file.replace(/\.json$/, `.${what}-${stamp}${count === 0 ? '' : `-${count}`}.json`)
    if (!existsSync(name)) return name
  }
}
