import { randomBytes } from 'node:crypto'
import { open, unlink } from 'node:fs/promises'
import path from 'node:path'
import { ignoreError, warnUnlessCode } from '../../dropped-errors.ts'
import { WRITE_NEW_FILE } from '../../platform/open-flags.ts'
import { errorCode } from '../../platform/system-error.ts'
import { callOn } from '../../walk/calls.ts'
import { GROUP_WRITE, NO_MARKS } from '../reconcile/ledger-diff.ts'

/** Modes with and without the group-write bit; only the owner can read the file. */
const MODES = [0o600 | GROUP_WRITE, 0o600] as const

/**
 * Returns the time at which a batch source is adopted: now, by the clock of its file system, in nanoseconds since
 * 1970, or NO_MARKS if the file system keeps no group-write bit (exFAT, NTFS, CIFS, and all on Windows). Tests this on
 * a new file, since changing the mode of an existing one would change its ctime. If no file can be made, the bit is
 * taken to count and the local clock is used: a person is then asked about earlier files, and none is lost.
 */
export function findAdoption(root: string): Promise<bigint> {
  return callOn(root, async () => {
    // Scans ignore this name (filter/names.ts).
    const file = path.join(root, `.holdfast-probe-${random()}-${process.pid}-${random()}-0`)
    const handle = await open(file, WRITE_NEW_FILE, 0o600).catch(
      ignoreError('a source that cannot be written to is adopted by the local clock', null),
    )
    if (handle === null) return BigInt(Date.now()) * 1_000_000n
    try {
      let at = NO_MARKS
      for (const mode of MODES) {
        await handle.chmod(mode)
        const stats = await handle.stat({ bigint: true })
        if ((Number(stats.mode) & GROUP_WRITE) !== (mode & GROUP_WRITE)) return NO_MARKS
        at = stats.ctimeNs
      }
      return at
    } catch (thrown) {
      // The system refused to change the mode of our own file: modes are not kept.
      if (errorCode(thrown) === null) throw thrown
      return NO_MARKS
    } finally {
      await handle.close()
      await unlink(file).catch((error) =>
        warnUnlessCode(error, ['ENOENT'], 'the file of a test of mode bits stays'),
      )
    }
  })
}

const random = () => randomBytes(4).toString('hex')
