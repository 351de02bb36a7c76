import { lstat, statfs } from 'node:fs/promises'
import { holdDirectory } from '../../files/beneath.ts'
import { closeFd, openFd, statFd } from '../../files/fd.ts'
import { READ_FILE } from '../../files/open-flags.ts'
import { hasUnseenWriters } from '../../mounts/unseen-writers.ts'
import { callOn } from '../tree/calls.ts'
import type { FileFacts } from '../tree/facts.ts'
import { factsOf } from '../tree/facts.ts'

type HasWriter = typeof import('../../files/libc.ts').hasWriter

/** Loaded when it is needed; null where the native library does not load. */
export const loadHasWriter = async (): Promise<HasWriter | null> =>
  process.platform !== 'linux'
    ? null
    : import('../../files/libc.ts').then(
        ({ hasWriter }) => hasWriter,
        () => null,
      )

/** What a look at a file found: its facts while nobody writes it, or nothing where it is no file any more. */
export type Work = { state: 'at-work' } | { state: 'at-rest'; facts: FileFacts } | { state: 'gone' }

/**
 * Whether a program writes a file: holds it open for writing, or where that cannot be asked has changed it just now.
 * @param isClosed its producer has said that it begins no more files: only one that is open then is being written.
 * @param place the directory whose disk is asked
 */
export async function lookAtWork(
  root: string,
  file: string,
  { quietMs, isClosed, place = root }: { quietMs: number; isClosed: boolean; place?: string },
): Promise<Work> {
  const hasWriter = await loadHasWriter()
  return callOn(place, () => look(root, file, isClosed, hasWriter, quietMs)).catch(() => ({ state: 'gone' }))
}

async function look(
  root: string,
  file: string,
  isClosed: boolean,
  hasWriter: HasWriter | null,
  quietMs: number,
): Promise<Work> {
  const slash = file.lastIndexOf('/')
  const held = await holdDirectory(root, file.slice(0, Math.max(0, slash)))
  try {
    const at = `${held.path}/${file.slice(slash + 1)}`
    // Before it is opened: a device would answer to that.
    const stats = await lstat(at, { bigint: true })
    if (!stats.isFile()) return { state: 'gone' }
    const facts = factsOf(file, stats)
    // Also a little ahead: another computer's clock may have set it. Far ahead would be for ever.
    const isFresh = Math.abs(Date.now() - Number(stats.mtimeMs)) < quietMs
    if (isFresh && !isClosed) return { state: 'at-work' }
    const writer = await writerOf(at, hasWriter)
    const isAtWork = writer === 'yes' || (writer === 'unknown' && isFresh)
    return isAtWork ? { state: 'at-work' } : { state: 'at-rest', facts }
  } finally {
    await held.close()
  }
}

async function writerOf(file: string, hasWriter: HasWriter | null): Promise<'no' | 'yes' | 'unknown'> {
  if (hasWriter === null) return 'unknown'
  // There the answer is that somebody writes, whether anybody does or not.
  const { type } = await statfs(file)
  if (hasUnseenWriters({ platform: process.platform, fileSystemType: type })) return 'unknown'
  let fd: number
  try {
    fd = await openFd(file, READ_FILE)
  } catch {
    // Not to be read: then its time alone tells.
    return 'unknown'
  }
  try {
    return (await statFd(fd)).isFile() ? hasWriter(fd) : 'unknown'
  } finally {
    await closeFd(fd)
  }
}
