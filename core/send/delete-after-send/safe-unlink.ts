import { rename, unlink } from 'node:fs/promises'
import { ignoreError } from '../../dropped-errors.ts'
import { closeFd, openFd, statFd } from '../../platform/fd.ts'
import { lstatExactOrNull } from '../../platform/lstat-or-null.ts'
import { moveToFree } from '../../platform/move-to-free.ts'
import { hasWriter } from '../../platform/native.ts'
import { READ_FILE } from '../../platform/open-flags.ts'
import { type StatFacts, sameContent, sameFile, statFactsOf } from '../../platform/stat-facts.ts'

/** How a removal ended. `stays`: the file is there under its name; `absent`: it was gone before. */
export type Taken = 'removed' | 'stays' | 'absent'

/** The scanner leaves such names out, and no receiver takes them (names.ts). */
export const asideName = (id: number): string => `.holdfast-removing-${id}`

/**
 * Puts a file that was set aside back under its name. If that has been given to another file meanwhile, it gets a
 * new name beside it.
 */
async function putBack(directory: string, id: number, name: string): Promise<void> {
  const aside = `${directory}/${asideName(id)}`
  if (await moveToFree(aside, `${directory}/${name}`)) return
  const [one, other] = [await lstatExactOrNull(aside), await lstatExactOrNull(`${directory}/${name}`)]
  // The last attempt to put it back ended between its two steps.
  if (one !== null && one.ino === other?.ino && one.dev === other.dev) return unlink(aside)
  for (let count = 1; ; count += 1)
    if (await moveToFree(aside, `${directory}/${name.slice(0, 60)}.kept-${id}-${count}`)) return
}

/** Whether what is under the other name is what was verified, and nobody has it open for writing. */
async function isStill(file: string, offered: StatFacts, device: bigint): Promise<boolean> {
  const fd = await openFd(file, READ_FILE)
  try {
    // First the writers, then the facts: nobody can open it anew under a name that nobody knows.
    if (hasWriter(fd) !== 'no') return false
    const stats = await statFd(fd)
    // The renaming has changed its inode.
    return stats.isFile() && stats.dev === device && sameContent(statFactsOf(stats), offered)
  } finally {
    await closeFd(fd)
  }
}

/**
 * Removes one file that was verified. Nothing says "remove this name if it is still that file": so it is renamed
 * first, looked at under a name that no other program uses, and only then removed; if it is not what it should
 * be, it gets its name back. The ledger knows of the renaming before it happens (ledger.beginRemovals).
 * @param device of the file when it was verified.
 * @throws what the system says; the file is then under the one name or the other, see `finishRemoval`.
 */
export async function takeAway(
  directory: string,
  name: string,
  { id, ...offered }: StatFacts & { id: number },
  device: bigint,
): Promise<Taken> {
  const file = `${directory}/${name}`
  const aside = `${directory}/${asideName(id)}`
  // Left by a ledger that is lost: nothing may be renamed over it.
  if ((await lstatExactOrNull(aside)) !== null) await putBack(directory, id, name)
  const stats = await lstatExactOrNull(file)
  if (stats === null) return 'absent'
  if (!stats.isFile() || !sameFile(statFactsOf(stats), offered)) return 'stays'
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

/** Brings a removal that was interrupted to its end: a file that is still there in any form stays. */
export async function finishRemoval(directory: string, id: number, name: string): Promise<Taken> {
  if ((await lstatExactOrNull(`${directory}/${asideName(id)}`)) !== null) {
    await putBack(directory, id, name)
    return 'stays'
  }
  return (await lstatExactOrNull(`${directory}/${name}`)) === null ? 'removed' : 'stays'
}
