import fs, { constants } from 'node:fs'
import { promisify } from 'node:util'
import { deferAsync } from '../defer.ts'
import { ignoreError } from '../dropped-errors.ts'

// Calls on file descriptors, and the flags to open paths with that other programs may replace at any time.

// Not every system has all of them: Windows has neither O_NOFOLLOW nor FIFOs.
const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_DIRECTORY = 0 } = constants

/** Reads a file. A symbolic link fails, and a FIFO does not block. */
export const READ_FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK

/** Creates a file for writing; fails if it exists. */
export const WRITE_NEW_FILE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW

/** Opens a directory; a symbolic link fails. */
export const HOLD_DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW

/**
 * Calls of the data path on plain file descriptors. A FileHandle needs several times the bookkeeping for the same work
 * in libuv's pool. The code that opens a descriptor must close it.
 */
export const openFd = promisify(fs.open)
export const closeFd = promisify(fs.close)
export const closeFailed = ignoreError('the descriptor is closed although close(2) failed')
/**
 * Closes a descriptor whose data is synced, was only read, or is discarded. Ignores an error of close(2): it closes the
 * descriptor even if it fails, and its error is irrelevant for that data.
 */
export const closeQuietly = (fd: number): Promise<void> => closeFd(fd).catch(closeFailed)
export const syncFd = promisify(fs.fsync)
/** Makes a file's content durable, and the metadata that is needed to read it (fdatasync(2)). */
export const syncDataFd = promisify(fs.fdatasync)
export const setModeFd = promisify(fs.fchmod)

const fstat = promisify(fs.fstat)
const read = promisify(fs.read)
const write = promisify(fs.write)
const writev = promisify(fs.writev)

export function statFd(fd: number): Promise<fs.BigIntStats> {
  return fstat(fd, { bigint: true })
}

/** Calls read(2) once; returns the number of bytes, 0 at the end of the file. */
export async function readFd(
  fd: number,
  buffer: Uint8Array,
  offset: number,
  position: number,
): Promise<number> {
  return (await read(fd, buffer, offset, buffer.length - offset, position)).bytesRead
}

/** Fills the buffer from `position` on; returns the number of bytes, fewer only at the end of the file. */
export async function readFully(fd: number, buffer: Uint8Array, position: number): Promise<number> {
  let filled = 0
  while (filled < buffer.length) {
    const bytes = await readFd(fd, buffer, filled, position + filled)
    if (bytes === 0) break
    filled += bytes
  }
  return filled
}

/** Writes all of `bytes` at `position`. */
export async function writeFully(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await write(fd, bytes, written, bytes.length - written, position + written)
    written += bytesWritten
  }
}

/** Writes all pieces consecutively from `position` on: at most 1,024 of them (IOV_MAX). */
export async function writePieces(
  fd: number,
  pieces: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let at = position
  for (let left = pieces; left.length > 0; ) {
    const { bytesWritten } = await writev(fd, left, at)
    at += bytesWritten
    left = behind(left, bytesWritten)
  }
}

/** Returns these pieces without their first `bytes` bytes. */
export function behind(pieces: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let left = bytes
  let whole = 0
  for (const { length } of pieces) {
    if (left < length) break
    left -= length
    whole += 1
  }
  const [first, ...others] = pieces.slice(whole)
  return first === undefined ? [] : [first.subarray(left), ...others]
}

/** Makes a directory's entries durable (fsync(2)). Windows has no such call and does not need it. */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return
  const fd = await openFd(directory, O_RDONLY)
  await using _ = deferAsync(() => closeFd(fd))
  await syncFd(fd)
}
