import { rename, unlink } from 'node:fs/promises'
import { deferAsync } from '../../defer.ts'
import { ignoreError } from '../../dropped-errors.ts'
import { closeFd, openFd, READ_FILE, statFd } from '../../platform/fd.ts'
import { type FileStat, sameContent, sameFile, toFileStat } from '../../platform/file-metadata.ts'
import { lstatExactOrNull, moveToFree } from '../../platform/files.ts'
import { hasWriter } from '../../platform/native.ts'
import { holdDirectory } from '../../platform/openat2.ts'

/** How a removal ended. `stays`: the file still has its name; `absent`: it did not exist before. */
export type Taken = 'removed' | 'stays' | 'absent'

/** Returns the temporary name of a file that is being removed. The scanner ignores it (filter/exclusion-rules.ts). */
export const asideName = (id: number): string => `.holdfast-removing-${id}`

/**
 * Removes one file that was verified. No system call removes a name only if it still is that file, so the file is
 * first renamed, then checked under a name that no other program uses, and only then removed. A file that fails the
 * check gets its name back. The ledger records the renaming before it happens (ledger.beginRemovals).
 * @param device the file's device when it was verified.
 * @throws the system error; the file then has either name, see `settleInterruptedRemoval`.
 */
export async function safeUnlink(
  directory: string,
  name: string,
  { id, ...offered }: FileStat & { id: number },
  device: bigint,
): Promise<Taken> {
  const file = `${directory}/${name}`
  const aside = `${directory}/${asideName(id)}`
  // A lost ledger left this file behind: it must not be overwritten by the rename.
  if ((await lstatExactOrNull(aside)) !== null) await putBack(directory, id, name)
  const stats = await lstatExactOrNull(file)
  if (stats === null) return 'absent'
  if (!stats.isFile() || !sameFile(toFileStat(stats), offered)) return 'stays'
  await rename(file, aside)
  const isSame = await isStill(aside, offered, device).catch(
    ignoreError('a file that cannot be looked at is put back', false),
  )
  if (!isSame) {
    await putBack(directory, id, name)
    return 'stays'
  }
  await unlink(aside)
  return 'removed'
}

/**
 * Settles a removal that was interrupted. A file that still exists, under either name, is kept under its own name. If
 * neither name exists, the removal counts as done.
 */
export async function settleInterruptedRemoval(directory: string, id: number, name: string): Promise<Taken> {
  if ((await lstatExactOrNull(`${directory}/${asideName(id)}`)) !== null) {
    await putBack(directory, id, name)
    return 'stays'
  }
  return (await lstatExactOrNull(`${directory}/${name}`)) === null ? 'removed' : 'stays'
}

/** True if the file under the temporary name is the verified one, and no process has it open for writing. */
async function isStill(file: string, offered: FileStat, device: bigint): Promise<boolean> {
  const fd = await openFd(file, READ_FILE)
  await using _ = deferAsync(() => closeFd(fd))
  // Writers are checked before metadata: no process can open the file again under an unknown name.
  if (hasWriter(fd) !== 'no') return false
  const stats = await statFd(fd)
  // Renaming has changed the ctime, so only the content's metadata are compared.
  return stats.isFile() && stats.dev === device && sameContent(toFileStat(stats), offered)
}

/**
 * Gives a file that was set aside its name back. If another file has that name now, it gets a free name beside it.
 */
async function putBack(directory: string, id: number, name: string): Promise<void> {
  const aside = `${directory}/${asideName(id)}`
  if (await moveToFree(aside, `${directory}/${name}`)) return
  const [moved, named] = [await lstatExactOrNull(aside), await lstatExactOrNull(`${directory}/${name}`)]
  // The last attempt to put it back was interrupted between its two steps, so the file has both names.
  if (moved !== null && moved.ino === named?.ino && moved.dev === named.dev) return unlink(aside)
  for (let count = 1; ; count += 1)
    if (await moveToFree(aside, `${directory}/${name.slice(0, 60)}.kept-${id}-${count}`)) return
}

/**
 * Calls `work` with the directory of a source's file, which stays open until the call ends.
 * @param file relative to the source, with "/".
 * @param work gets a path that stays valid if directories are renamed meanwhile (openat(2)); names may be appended.
 * @throws the system error: ENOENT, ENOTDIR, or ELOOP if a component is a symbolic link.
 */
export async function withDirectory<T>(
  source: { path: string },
  file: string,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await holdDirectory(source.path, getDirectory(file))
  await using _ = deferAsync(() => directory.close())
  return await work(directory.path)
}

export const getDirectory = (file: string): string => file.slice(0, Math.max(0, file.lastIndexOf('/')))

export const getName = (file: string): string => file.slice(file.lastIndexOf('/') + 1)
