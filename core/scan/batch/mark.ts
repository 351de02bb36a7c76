import { constants } from 'node:fs'
import { type FileHandle, open, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { warnUnlessCode } from '../../dropped-errors.ts'
import { HOLD_DIRECTORY } from '../../platform/open-flags.ts'
import { errorCode } from '../../platform/system-error.ts'
import { bornAt } from '../../walk/scanned-file.ts'
import { getIdentity } from './rules.ts'

/** O_EXCL: existing files, including a dangling symbolic link, are not touched. */
const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY

/**
 * Makes the sent mark durably: creates it exclusively, syncs it and its directory. The mark gets the time that the
 * directory had before (to the microsecond), so that marking does not make a directory look newer than it is. A mark
 * that exists is left unchanged. Throws the system's error, after removing a mark that it made itself; ENOENT if
 * another directory than `identity` has this path now.
 */
export async function createMark(directory: string, name: string, identity: string): Promise<void> {
  // Windows cannot open directories, and does not need to sync them.
  const handle = process.platform === 'win32' ? null : await open(directory, HOLD_DIRECTORY)
  try {
    const stats = await (handle?.stat({ bigint: true }) ?? stat(directory, { bigint: true }))
    if (getIdentity({ inode: stats.ino, bornAtNs: bornAt(stats) }) !== identity)
      throw createReplacedError(directory)
    const file = path.join(getHeldPath(handle, directory), name)
    const mark = await create(file)
    try {
      await mark?.utimes(...toUtimes(stats.mtimeNs))
      await mark?.sync()
      await handle?.sync()
    } catch (thrown) {
      // A half-made mark would count, although the failure is reported.
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

/**
 * Returns, on Linux, the path of the opened directory itself (proc(5)), even if another one takes its path meanwhile.
 */
function getHeldPath(handle: FileHandle | null, directory: string): string {
  return handle !== null && process.platform === 'linux' ? `/proc/self/fd/${handle.fd}` : directory
}

/** Returns null if the file already exists. */
async function create(file: string): Promise<FileHandle | null> {
  try {
    return await open(file, CREATE, 0o644)
  } catch (thrown) {
    if (errorCode(thrown) === 'EEXIST') return null
    throw thrown
  }
}

/**
 * Converts a time for utimes. Adds half a microsecond, so that neither the floating-point number nor its truncation
 * loses one.
 */
function toUtimes(mtimeNs: bigint): [accessed: number, modified: number] {
  const seconds = (Number(mtimeNs / 1000n) + 0.5) / 1e6
  return [seconds, seconds]
}

/** Reports the sent directory as gone; the next look finds the other one. */
function createReplacedError(directory: string): Error & { code: string } {
  return Object.assign(new Error(`${directory} is another directory now`), { code: 'ENOENT' })
}
