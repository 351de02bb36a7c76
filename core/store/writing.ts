import { closeSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs'
import { DIGEST_BYTES, hasDigest } from '../platform/digest.ts'
import { closeFailed } from '../platform/fd.ts'
import { setTimes } from '../platform/native.ts'
import { WRITE_NEW_FILE } from '../platform/open-flags.ts'
import { findDataRuns } from '../platform/sparse.ts'
import { errorCode } from '../platform/system-error.ts'
import { batchBuffers, freeNow } from '../protocol/frame-buffers.ts'
import { UNNAMED } from './file-system.ts'
import { WRONG_DIGEST, type WriteJob, type WriteResult } from './store-messages.ts'

/** Mode of all files of a store; the mode at the source is in the manifest. */
const FILE_MODE = 0o600

/** Writes a part of a file. If it is sparse, skips zeros; the caller must set the file's length. */
export function writeAt(fd: number, bytes: Uint8Array, position: number, isSparse: boolean): void {
  for (const piece of isSparse ? findDataRuns(bytes, position) : [{ bytes, position }])
    for (let at = 0; at < piece.bytes.length; )
      at += writeSync(fd, piece.bytes, at, piece.bytes.length - at, piece.position + at)
}

/** Writes a file. @returns its descriptor, or why it was not written; then the file is removed. */
function writeOne(
  directory: string,
  name: string | null,
  { mtimeNs, isSparse }: WriteJob['files'][number],
  bytes: Uint8Array,
  digest: Uint8Array,
): number | string {
  if (!hasDigest(digest, bytes)) return WRONG_DIGEST
  let fd = -1
  try {
    fd = name === null ? openSync(directory, UNNAMED, FILE_MODE) : openSync(name, WRITE_NEW_FILE, FILE_MODE)
    writeAt(fd, bytes, 0, isSparse)
    if (isSparse) ftruncateSync(fd, bytes.length)
    setTimes(fd, mtimeNs)
    return fd
  } catch (thrown) {
    if (fd >= 0) {
      closeQuietly(fd)
      // A partial file would keep a full disk full.
      if (name !== null) rmSync(name, { force: true })
    }
    return errorCode(thrown) ?? String(thrown)
  }
}

export function closeQuietly(fd: number): void {
  try {
    closeSync(fd)
  } catch (error) {
    closeFailed(error)
  }
}

/** Writes small files and leaves them open; the caller closes them. Blocks. */
export function writeFiles({ directory, names, files, bytes, digests }: WriteJob): WriteResult {
  let at = 0
  const written = files.map((file, index) => {
    const digest = digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES)
    const content = bytes.subarray(at, at + file.size)
    at += file.size
    return writeOne(directory, names?.[index] ?? null, file, content, digest)
  })
  if (batchBuffers.holds(bytes)) return { written, memory: bytes }
  freeNow(bytes)
  return { written, memory: null }
}
