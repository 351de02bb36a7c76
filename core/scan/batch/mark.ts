import { constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import path from 'node:path'
import { syncDirectory } from '../../wire/fd.ts'
import { errorCode } from '../../words/problem.ts'
import { bornAt } from './look.ts'
import { identityOf } from './rules.ts'

/** Another directory has taken the name; looked for like a directory that was deleted. */
function isAnother(directory: string): Error & { code: string } {
  return Object.assign(new Error(`${directory} is another directory now`), { code: 'ENOENT' })
}

/**
 * Makes the sent mark durably: created exclusively, synced, its directory synced. The mark gets the time that
 * the directory had before (to the microsecond), so that marking does not make a directory look newer than it is. A mark that is
 * there already is well. Throws the system's error, and ENOENT if the directory is not `identity` any more.
 */
export async function createMark(directory: string, name: string, identity: string): Promise<void> {
  const stats = await stat(directory, { bigint: true })
  const { mtimeNs } = stats
  if (identityOf({ inode: stats.ino, bornAtNs: bornAt(stats) }) !== identity) throw isAnother(directory)
  try {
    const mark = await open(
      path.join(directory, name),
      constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY,
      0o644,
    )
    try {
      // Half a microsecond more, so that neither the floating-point number nor its truncation loses one.
      const seconds = (Number(mtimeNs / 1000n) + 0.5) / 1e6
      await mark.utimes(seconds, seconds)
      await mark.sync()
    } finally {
      await mark.close()
    }
  } catch (thrown) {
    if (errorCode(thrown) !== 'EEXIST') throw thrown
  }
  await syncDirectory(directory)
}
