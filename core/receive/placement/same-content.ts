import type { BigIntStats } from 'node:fs'
import { createHasher, digestKindOf } from '../../files/digest.ts'
import { closeFd, openFd, readFully, setTimesFd, statFd, syncFd } from '../../files/fd.ts'
import { READ_FILE } from '../../files/open-flags.ts'

const READ_BYTES = 1024 * 1024

/**
 * A file up to this size is compared when it is put in its place, while others wait for that; what is in the way of a
 * larger one was looked at before, or counts as another content.
 */
export const READ_WHEN_PLACED_BYTES = 4 * 1024 * 1024

/** Which file was looked at, and by what it can be told that it has not changed since. */
export type Seen = Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>

interface Wanted {
  size: number
  mtime: number
  digest: Uint8Array
  /** The file that was found to hold this content; null: none, or it is too small for that. */
  same: Seen | null
}

const isStill = (now: Seen, seen: Seen | null): boolean =>
  seen !== null &&
  now.dev === seen.dev &&
  now.ino === seen.ino &&
  now.size === seen.size &&
  now.mtimeNs === seen.mtimeNs &&
  now.ctimeNs === seen.ctimeNs

async function hasContent(fd: number, { size, digest }: Wanted): Promise<boolean> {
  const hash = createHasher(digestKindOf(digest))
  const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, size + 1))
  for (let position = 0; position < size; ) {
    const bytes = await readFully(fd, buffer, position)
    if (bytes === 0) return false
    hash.update(buffer.subarray(0, bytes))
    position += bytes
  }
  return hash.digest().equals(digest)
}

/** Whether the file holds exactly this content; if so its data are synced, and its time is set. */
export async function holds(file: string, wanted: Wanted): Promise<boolean> {
  const fd = await openFd(file, READ_FILE)
  try {
    const stats = await statFd(fd)
    if (!stats.isFile() || stats.size !== BigInt(wanted.size)) return false
    const isLarge = wanted.size > READ_WHEN_PLACED_BYTES
    if (!(isLarge ? isStill(stats, wanted.same) : await hasContent(fd, wanted))) return false
    await setTimesFd(fd, wanted.mtime, wanted.mtime)
    await syncFd(fd)
    return true
  } finally {
    await closeFd(fd)
  }
}
