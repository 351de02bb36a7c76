import { constants } from 'node:fs'
import { access, realpath } from 'node:fs/promises'
import { lstatOrNull } from '../../files/lstat-or-null.ts'
import { errorCode } from '../../files/system-error.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import { hasUnseenWriters, mountAbove, readMounts } from '../../mounts/mountinfo.ts'
import { whereabouts } from '../../mounts/whereabouts.ts'
import type { RemovalRule } from '../messages.ts'
import type { RemovalSource } from './rule.ts'
import { batchDirectoryOf } from './rule.ts'
import { directoryOf, within } from './within.ts'

/** What must hold of a source itself; the reason why nothing of it is removed, or null. */
export async function obstacleOf(
  source: RemovalSource,
  ledger: Pick<Ledger, 'home'>,
): Promise<string | null> {
  if (process.platform !== 'linux') return 'this system has no safe way to do it'
  if (whereabouts(ledger.home(source.id)) === 'away') return 'its disk is not mounted'
  const mount = mountAbove(readMounts() ?? [], await realpath(source.path))
  return hasUnseenWriters(mount) ? 'other computers may write on its file system' : null
}

/** The batch directory carries the mark that all of it was sent. */
async function isClosed(source: RemovalSource, file: string, { sentMark }: RemovalRule): Promise<boolean> {
  if (sentMark === null) return true
  const mark = `${batchDirectoryOf(file)}/${sentMark}`
  const stats = await within(source, mark, (directory) => lstatOrNull(`${directory}/${sentMark}`))
  return stats?.isFile() === true
}

/** What stands in the way of removing the files of whole directories, found once in a look. */
export type Obstacles = ReturnType<typeof findObstacles>

/** @param found told once of each directory with an obstacle, relative to the source. */
export function findObstacles(
  source: RemovalSource,
  rule: RemovalRule,
  found: (directory: string, why: string) => void,
) {
  const known = new Map<string, string>()
  const note = (directory: string, why: string): string => {
    known.set(directory, why)
    found(directory, why)
    return why
  }
  return {
    /**
     * Why this file cannot be removed now because of where it is, or null. What was in the way stays so for this look;
     * that nothing is is asked anew for each file.
     */
    async of(file: string): Promise<string | null> {
      const directory = directoryOf(file)
      const batch = rule.sentMark === null ? null : batchDirectoryOf(file)
      const before = known.get(directory) ?? (batch === null ? undefined : known.get(batch))
      if (before !== undefined) return before
      try {
        if (batch !== null && !(await isClosed(source, file, rule))) return note(batch, 'its batch is open')
        // Before anything is read: what cannot be renamed need not be proven.
        await within(source, file, (directory) => access(`${directory}/.`, constants.W_OK | constants.X_OK))
        return null
      } catch (thrown) {
        // ENOENT of a directory may also be a disk that went away just now: only a look into it says "absent".
        return note(directory, errorCode(thrown) ?? String(thrown))
      }
    },
    /** Directories with an obstacle: how many files there are is of no matter to a look. */
    get count() {
      return known.size
    },
  }
}
