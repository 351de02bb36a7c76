import { constants } from 'node:fs'
import { access, realpath } from 'node:fs/promises'
import type { Ledger } from '../../ledger/ledger.ts'
import { getMountPresence } from '../../ledger/mount-presence.ts'
import { lstatOrNull } from '../../platform/lstat-or-null.ts'
import { findMount, hasUnseenWriters, readMounts } from '../../platform/mounts/mountinfo.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { RemovalRule } from '../sender-messages.ts'
import { getBatchDirectory, type RemovalSource } from './rule.ts'
import { getDirectory, withDirectory } from './within.ts'

/** Returns the reason why no file of the source may be removed, or null. */
export async function findSourceObstacle(
  source: RemovalSource,
  ledger: Pick<Ledger, 'home'>,
): Promise<string | null> {
  if (process.platform !== 'linux') return 'this system has no safe way to do it'
  if (getMountPresence(ledger.home(source.id)) === 'away') return 'its disk is not mounted'
  const mount = findMount(readMounts() ?? [], await realpath(source.path))
  return hasUnseenWriters(mount) ? 'other computers may write on its file system' : null
}

/** True if the batch directory carries the mark that all of it was sent. */
async function isClosed(source: RemovalSource, file: string, { sentMark }: RemovalRule): Promise<boolean> {
  if (sentMark === null) return true
  const mark = `${getBatchDirectory(file)}/${sentMark}`
  const stats = await withDirectory(source, mark, (directory) => lstatOrNull(`${directory}/${sentMark}`))
  return stats?.isFile() === true
}

/**
 * Returns the reason why this file, and every file in the returned directory, cannot be removed; null: no obstacle.
 * Checked before any content is read: a file that cannot be renamed needs no proof.
 */
export async function findFileObstacle(
  source: RemovalSource,
  rule: RemovalRule,
  file: string,
): Promise<{ directory: string; why: string } | null> {
  const batch = rule.sentMark === null ? null : getBatchDirectory(file)
  try {
    if (batch !== null && !(await isClosed(source, file, rule)))
      return { directory: batch, why: 'its batch is open' }
    await withDirectory(source, file, (directory) =>
      access(`${directory}/.`, constants.W_OK | constants.X_OK),
    )
    return null
  } catch (error) {
    // ENOENT of a directory may also mean a disk that was just unmounted: only a lookup inside it proves absence.
    return { directory: getDirectory(file), why: errorCode(error) ?? String(error) }
  }
}
