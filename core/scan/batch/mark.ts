import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open, stat } from 'node:fs/promises'
import path from 'node:path'
import { errorCode } from '../../words/problem.ts'
import { bornAt } from './look.ts'
import { identityOf } from './rules.ts'

/** O_EXCL: whatever is there, a dangling symbolic link too, is left as it is. */
const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY

/**
 * Makes the sent mark durably: created exclusively, synced, its directory synced. The mark gets the time that
 * the directory had before (to the microsecond), so that marking does not make a directory look newer than it is.
 * A mark that is there already is well. Throws the system's error, and ENOENT if another directory than `identity`
 * has this path now.
 */
export async function createMark(directory: string, name: string, identity: string): Promise<void> {
  // Windows opens no directories, and needs no sync of them.
  const handle = process.platform === 'win32' ? null : await open(directory, constants.O_RDONLY)
  try {
    const stats = await (handle?.stat({ bigint: true }) ?? stat(directory, { bigint: true }))
    if (identityOf({ inode: stats.ino, bornAtNs: bornAt(stats) }) !== identity) throw isAnother(directory)
    await makeFile(path.join(placeOf(handle, directory), name), stats.mtimeNs)
    await handle?.sync()
  } finally {
    await handle?.close()
  }
}

/** On Linux the very directory that was opened (proc(5)), even if another one takes its path in this moment. */
function placeOf(handle: FileHandle | null, directory: string): string {
  return handle !== null && process.platform === 'linux' ? `/proc/self/fd/${handle.fd}` : directory
}

async function makeFile(file: string, mtimeNs: bigint): Promise<void> {
  try {
    const mark = await open(file, CREATE, 0o644)
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
}

/** Told as the end of the directory that was sent: the next look finds the other one. */
function isAnother(directory: string): Error & { code: string } {
  return Object.assign(new Error(`${directory} is another directory now`), { code: 'ENOENT' })
}
