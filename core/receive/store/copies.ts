import { constants } from 'node:fs'
import { chmod, copyFile, unlink } from 'node:fs/promises'
import { createHasher, digestKindOf } from '../../files/digest.ts'
import { closeFd, openFd, readFully, syncFd, writeFully } from '../../files/fd.ts'
import { forgetCached } from '../../files/page-cache.ts'
import { errorCode } from '../../files/system-error.ts'
import type { Semaphore } from '../../pacing/semaphore.ts'
import { createSemaphore } from '../../pacing/semaphore.ts'
import { FileRefused } from '../file-refused.ts'
import type { CallWatch } from '../placement/call-watch.ts'
import type { Home } from '../placement/store-disk.ts'
import type { TemporaryFiles } from '../placement/temporary-files.ts'
import { ofOldFile, openOld, unknown } from './old-file.ts'

/** The content that a copy has to have. */
export interface Wanted {
  size: number
  digest: Uint8Array
}

/** Copies within the store. */
export interface Copies {
  /**
   * A temporary file with the wanted content, from the file with these components below the store's root;
   * open for reading and writing, not yet synced; the caller closes it, and renames or removes it. `written` is told
   * of the bytes that this takes on the disk.
   * @throws FileRefused `unknown` if that file is not there, cannot be read, or holds anything else; `aborted`
   * after the signal; or what the system says of the new file.
   */
  make(
    from: readonly string[],
    wanted: Wanted,
    signal: AbortSignal,
    written: (bytes: number) => void,
  ): Promise<{ fd: number; file: string }>
  /**
   * Reads the file with these components back from the disk; resolves if it holds the wanted content, and is durable.
   * @throws FileRefused as `make` does.
   */
  confirm(of: readonly string[], wanted: Wanted, signal: AbortSignal): Promise<void>
}

/** Copies at a time: they read as well as write, and must leave the disk to the files that arrive, too. */
const COPIES_AT_ONCE = 8
const STEP_BYTES = 1024 * 1024
/** So much is synced at a time: one sync of a very large file at its end would look like a disk that hangs. */
const SYNC_BYTES = 64 * STEP_BYTES
/** What copyFile says where the file system cannot share blocks between two files (ioctl_ficlone(2)). */
const CANNOT_CLONE = new Set(['ENOTSUP', 'EOPNOTSUPP', 'ENOTTY', 'EINVAL', 'ENOSYS'])

export function openCopies(root: string, home: Home, temporaries: TemporaryFiles, watch: CallWatch): Copies {
  const turns: Semaphore = createSemaphore(COPIES_AT_ONCE)
  let canClone = process.platform === 'linux'

  /**
   * Reads `fd` to its end, and gives each piece to `take`. Each step is a call of its own for the watch: a copy
   * that takes long is no disk that hangs.
   * @throws FileRefused if what was read is not what is wanted.
   */
  const readThrough = async (
    fd: number,
    { size, digest }: Wanted,
    signal: AbortSignal,
    take: (bytes: Uint8Array, position: number) => Promise<void>,
  ): Promise<void> => {
    const hash = createHasher(digestKindOf(digest))
    const buffer = Buffer.allocUnsafe(Math.min(STEP_BYTES, size))
    for (let position = 0; position < size; ) {
      if (signal.aborted) throw new FileRefused('aborted', '')
      const wanted = buffer.subarray(0, Math.min(buffer.length, size - position))
      const length = await watch.during(() => ofOldFile(() => readFully(fd, wanted, position)))
      if (length === 0) throw unknown('short')
      const bytes = wanted.subarray(0, length)
      hash.update(bytes)
      await watch.during(() => take(bytes, position))
      position += length
    }
    if (!hash.digest().equals(digest)) throw unknown('other content')
  }

  /** A new file that shares the old one's blocks, where the file system can do that; else null. */
  const clone = async (old: number): Promise<{ fd: number; file: string } | null> => {
    if (!canClone) return null
    const { fd: empty, file } = await temporaries.create()
    await closeFd(empty)
    try {
      const from = `/proc/self/fd/${old}`
      await watch.during(() => copyFile(from, file, constants.COPYFILE_FICLONE_FORCE))
      // It got the old file's mode, which may forbid what follows.
      await chmod(file, 0o600)
      return { fd: await openFd(file, constants.O_RDWR | constants.O_NOFOLLOW), file }
    } catch (thrown) {
      await unlink(file).catch(() => undefined)
      if (CANNOT_CLONE.has(errorCode(thrown) ?? '')) canClone = false
      return null
    }
  }

  const discard = async ({ fd, file }: { fd: number; file: string }) => {
    await closeFd(fd).catch(() => undefined)
    await unlink(file).catch(() => undefined)
  }

  const makeFrom = async (
    old: number,
    wanted: Wanted,
    signal: AbortSignal,
    written: (bytes: number) => void,
  ) => {
    const cloned = await clone(old)
    if (cloned !== null) {
      // What is looked at is the clone itself: the old file may change at any time.
      await readThrough(cloned.fd, wanted, signal, async () => undefined).catch(async (thrown: unknown) => {
        await discard(cloned)
        throw thrown
      })
      return cloned
    }
    const copy = await temporaries.create()
    try {
      await readThrough(old, wanted, signal, async (bytes, position) => {
        await writeFully(copy.fd, bytes, position)
        written(bytes.length)
        if ((position + bytes.length) % SYNC_BYTES === 0) await syncFd(copy.fd)
      })
      return copy
    } catch (thrown) {
      await discard(copy)
      throw thrown
    }
  }

  /** Opens the old file in its turn, and closes it after `work`. */
  const withOld = async <T>(
    from: readonly string[],
    { size }: Wanted,
    signal: AbortSignal,
    work: (old: number) => Promise<T>,
  ): Promise<T> => {
    await turns.acquire()
    try {
      if (signal.aborted) throw new FileRefused('aborted', '')
      const old = await watch.during(() => ofOldFile(() => openOld(root, home, from, size)))
      try {
        return await work(old)
      } finally {
        await closeFd(old).catch(() => undefined)
      }
    } finally {
      turns.release()
    }
  }

  return {
    make: (from, wanted, signal, written) =>
      withOld(from, wanted, signal, (old) => makeFrom(old, wanted, signal, written)),
    confirm: (of, wanted, signal) =>
      withOld(of, wanted, signal, async (old) => {
        await watch.during(() => ofOldFile(() => syncFd(old)))
        // Else the kernel would tell what it has kept in memory, whatever has become of it on the disk.
        await watch.during(() => forgetCached(old))
        await readThrough(old, wanted, signal, async () => undefined)
      }),
  }
}
