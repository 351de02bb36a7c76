import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { lstat, open, statfs } from 'node:fs/promises'
import { hasUnseenWriters } from '../../mounts/unseen-writers.ts'
import { callOn } from '../tree/calls.ts'
import { absolutePath } from '../tree/facts.ts'

type HasWriter = typeof import('../../files/libc.ts').hasWriter

/** Loaded when it is needed; null where the native library does not load. */
export const loadHasWriter = async (): Promise<HasWriter | null> =>
  process.platform !== 'linux'
    ? null
    : import('../../files/libc.ts').then(
        ({ hasWriter }) => hasWriter,
        () => null,
      )

/**
 * The first of these files, which are left out for as long as they have temporary names, that is being written: a
 * program holds it open for writing, or has changed it just now. The others are what was left behind.
 * @param place the directory whose disk is asked
 */
export async function oneAtWork(
  root: string,
  files: readonly string[],
  quietMs: number,
  place = root,
): Promise<string | null> {
  if (files.length === 0) return null
  const hasWriter = await loadHasWriter()
  for (const file of files) {
    const absolute = absolutePath(root, file)
    if (await callOn(place, () => isAtWork(absolute, hasWriter, quietMs))) return file
  }
  return null
}

async function isAtWork(file: string, hasWriter: HasWriter | null, quietMs: number): Promise<boolean> {
  const stats = await lstat(file).catch(() => null)
  if (stats === null || !stats.isFile()) return false
  // Also a little ahead: another computer's clock may have set it. Far ahead would be for ever.
  if (Math.abs(Date.now() - stats.mtimeMs) < quietMs) return true
  if (hasWriter === null) return false
  let handle: FileHandle | null = null
  try {
    // There the answer is that somebody writes, whether anybody does or not.
    const { type } = await statfs(file)
    if (hasUnseenWriters({ platform: process.platform, fileSystemType: type })) return false
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    return hasWriter(handle.fd) === 'yes'
  } catch {
    // Gone, or not to be read: then its time alone tells.
    return false
  } finally {
    await handle?.close()
  }
}
