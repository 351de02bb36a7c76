import { constants } from 'node:fs'
import { type FileHandle, open, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { warnUnlessCode } from '../../dropped-errors.ts'
import { HOLD_DIRECTORY } from '../../platform/open-flags.ts'
import { errorCode } from '../../platform/system-error.ts'
import { bornAt } from '../../walk/scanned-file.ts'
import { identityOf } from './rules.ts'

/** O_EXCL: whatever is there, a dangling symbolic link too, is left as it is. */
const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY

/**
 * Makes the sent mark durably: created exclusively, synced, its directory synced. The mark gets the time that
 * the directory had before (to the microsecond), so that marking does not make a directory look newer than it is.
 * A mark that is there already stays as it is. Throws the system's error, and leaves none that it has made itself then;
 * ENOENT if another directory than `identity` has this path now.
 */
export async function createMark(directory: string, name: string, identity: string): Promise<void> {
  // Windows opens no directories, and needs no sync of them.
  const handle = process.platform === 'win32' ? null : await open(directory, HOLD_DIRECTORY)
  try {
    const stats = await (handle?.stat({ bigint: true }) ?? stat(directory, { bigint: true }))
    if (identityOf({ inode: stats.ino, bornAtNs: bornAt(stats) }) !== identity) throw isAnother(directory)
    const file = path.join(placeOf(handle, directory), name)
    const mark = await create(file)
    try {
      await mark?.utimes(...timesOf(stats.mtimeNs))
      await mark?.sync()
      await handle?.sync()
    } catch (thrown) {
      // Half made it would count as a mark: it is told that there is none.
      if (mark !== null)
        await unlink(file).catch((error) =>
          warnUnlessCode(error, ['ENOENT'], 'a mark that is not synced stays'),
        )
      throw thrown
    } finally {
      await mark?.close()
    }
  } finally {
    await handle?.close()
  }
}

/** On Linux the very directory that was opened (proc(5)), even if another one takes its path in this moment. */
function placeOf(handle: FileHandle | null, directory: string): string {
  return handle !== null && process.platform === 'linux' ? `/proc/self/fd/${handle.fd}` : directory
}

/** null: it is there already. */
async function create(file: string): Promise<FileHandle | null> {
  try {
    return await open(file, CREATE, 0o644)
  } catch (thrown) {
    if (errorCode(thrown) === 'EEXIST') return null
    throw thrown
  }
}

/** Half a microsecond more, so that neither the floating-point number nor its truncation loses one. */
function timesOf(mtimeNs: bigint): [accessed: number, modified: number] {
  const seconds = (Number(mtimeNs / 1000n) + 0.5) / 1e6
  return [seconds, seconds]
}

/** Told as the end of the directory that was sent: the next look finds the other one. */
function isAnother(directory: string): Error & { code: string } {
  return Object.assign(new Error(`${directory} is another directory now`), { code: 'ENOENT' })
}
