import { fchmodSync, fchownSync } from 'node:fs'
import type { FileFacts } from '../../files/facts.ts'
import { native, setTimes } from '../../files/native.ts'

/** What a file or a directory may be given: no bit that would make a program run as somebody else (chmod(2)). */
const MODE_BITS = 0o777

/** Gives open files and directories what they had at the source. */
export type Dressing = ReturnType<typeof createDressing>

export function createDressing() {
  // Elsewhere than on Linux there are none that are kept.
  const setAttribute = process.platform === 'linux' ? native?.setAttribute : undefined
  // Only root may give files away; for everybody else all is as if they had made them.
  const isRoot = process.getuid?.() === 0
  return {
    /** False: its owner, or an attribute, could not be set. @throws where mode or time cannot be. */
    dress(fd: number, { mode, user, group, mtimeNs, more }: FileFacts): boolean {
      let isWhole = true
      if (isRoot) {
        try {
          fchownSync(fd, user, group)
        } catch {
          isWhole = false
        }
      }
      if (process.platform !== 'win32') fchmodSync(fd, mode & MODE_BITS)
      for (const [name, value] of Object.entries(more?.attributes ?? {}))
        if (setAttribute?.(fd, name, value) !== true) isWhole = false
      setTimes(fd, mtimeNs)
      return isWhole
    },
  }
}
