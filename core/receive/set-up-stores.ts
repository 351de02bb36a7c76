import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { dropError } from '../dropped-errors.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { replaceFile } from '../platform/files.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import type { StoreLayout } from '../store/layout.ts'

// The record of the stores that receivers of this user have set up, in their data directory.

/**
 * Refuses to recreate a store that was set up before: it would be a new receiver, below the mount point of its disk.
 * @param directory where the setup of stores is recorded.
 * @throws UserError transfer.storeGone
 */
export async function refuseMissingStore(directory: string, { own, root }: StoreLayout): Promise<void> {
  if ((await isAbsent(own)) && !(await isAbsent(getNotePath(directory, root))))
    throw new UserError('transfer.storeGone', { path: root, own })
}

/** Records that a store was set up. @throws the system error. */
export async function rememberStore(directory: string, { root }: StoreLayout): Promise<void> {
  const note = getNotePath(directory, root)
  if (!(await isAbsent(note))) return
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await replaceFile(note, `${root}\n`)
}

/** Returns the file that records the setup of a store. It is not on the store's disk, which may not be mounted. */
const getNotePath = (directory: string, root: string): string =>
  path.join(directory, createHash('sha256').update(root).digest('hex').slice(0, 32))

/** True only if the system reports the file as absent. On any other error the store may still exist. */
const isAbsent = (file: string): Promise<boolean> =>
  stat(file).then(
    () => false,
    (error) => isGone(errorCode(error)),
  )

/** Returns the stores that were set up; none if there is no record. */
export async function readSetUpStores(directory: string): Promise<string[]> {
  try {
    const notes = await readdir(directory)
    const texts = await Promise.all(notes.map((note) => readFile(path.join(directory, note), 'utf8')))
    return texts.map((text) => text.trim())
  } catch (error) {
    return dropError(error, 'no record of stores can be read: none is known', [])
  }
}
