import { constants } from 'node:fs'
import { access, realpath } from 'node:fs/promises'
import type { Ledger } from '../../ledger/ledger.ts'
import { whereabouts } from '../../ledger/mount-presence.ts'
import { lstatOrNull } from '../../platform/lstat-or-null.ts'
import { hasUnseenWriters, mountAbove, readMounts } from '../../platform/mounts/mountinfo.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { RemovalRule } from '../sender-messages.ts'
import { batchDirectoryOf, type RemovalSource } from './rule.ts'
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

/**
 * What is in the way of removing this file, and all others in that directory of the source; null: nothing is.
 * Asked before anything is read: what cannot be renamed need not be proven.
 */
export async function obstacleAt(
  source: RemovalSource,
  rule: RemovalRule,
  file: string,
): Promise<{ directory: string; why: string } | null> {
  const batch = rule.sentMark === null ? null : batchDirectoryOf(file)
  try {
    if (batch !== null && !(await isClosed(source, file, rule)))
      return { directory: batch, why: 'its batch is open' }
    await within(source, file, (directory) => access(`${directory}/.`, constants.W_OK | constants.X_OK))
    return null
  } catch (error) {
    // ENOENT of a directory may also be a disk that went away just now: only a look into it says "absent".
    return { directory: directoryOf(file), why: errorCode(error) ?? String(error) }
  }
}
