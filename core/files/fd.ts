import fs from 'node:fs'
import { promisify } from 'node:util'

/**
 * The calls of the data path on plain file descriptors: a FileHandle costs several times the bookkeeping
 * for the same work in libuv's pool. Whoever opens a descriptor closes it.
 */
export const openFd = promisify(fs.open)
export const closeFd = promisify(fs.close)
export const syncFd = promisify(fs.fsync)
/** Makes a file's contents durable, and of its metadata what is needed to read them (fdatasync(2)). */
export const syncDataFd = promisify(fs.fdatasync)
export const setTimesFd = promisify(fs.futimes)
export const setModeFd = promisify(fs.fchmod)

export function statFd(fd: number): Promise<fs.BigIntStats> {
  return new Promise((resolve, reject) => {
    fs.fstat(fd, { bigint: true }, (error, stats) => (error === null ? resolve(stats) : reject(error)))
  })
}

/** One read(2); returns how many bytes came, 0 at the end of the file. */
export function readFd(fd: number, buffer: Uint8Array, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, buffer, offset, buffer.length - offset, position, (error, bytesRead) =>
      error === null ? resolve(bytesRead) : reject(error),
    )
  })
}

/** Fills the buffer from `position` on; returns how many bytes there were, fewer only at the end of the file. */
export async function readFully(fd: number, buffer: Uint8Array, position: number): Promise<number> {
  let filled = 0
  while (filled < buffer.length) {
    const bytes = await readFd(fd, buffer, filled, position + filled)
    if (bytes === 0) break
    filled += bytes
  }
  return filled
}

function writeSome(fd: number, bytes: Uint8Array, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.write(fd, bytes, offset, bytes.length - offset, position, (error, written) =>
      error === null ? resolve(written) : reject(error),
    )
  })
}

/** Writes all of `bytes` at `position`. */
export async function writeFully(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += await writeSome(fd, bytes, written, position + written)
  }
}

function writeSomeOf(fd: number, pieces: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.writev(fd, pieces, position, (error, written) => (error === null ? resolve(written) : reject(error)))
  })
}

/** Writes all pieces, one after the other, from `position` on: at most 1,024 of them (IOV_MAX). */
export async function writePieces(
  fd: number,
  pieces: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let at = position
  for (let left = pieces; left.length > 0; ) {
    const written = await writeSomeOf(fd, left, at)
    at += written
    left = behind(left, written)
  }
}

/** What comes after the first `bytes` of these pieces. */
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

/** Makes a directory's entries durable (fsync(2)); Windows has no such call and needs none. */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return
  const fd = await openFd(directory, fs.constants.O_RDONLY)
  try {
    await syncFd(fd)
  } finally {
    await closeFd(fd)
  }
}
