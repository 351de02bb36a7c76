import type { Dirent } from 'node:fs'
import type { StoreLayout } from '../layout.ts'
import { OWN_DIRECTORY } from '../layout.ts'
import { hasFolder } from './file.ts'

/** What the root of an ext file system has for fsck(8), and only root can read; no sender's folder gets this name. */
export const LOST_AND_FOUND = 'lost+found'

/** Tells what in a store's root is nobody's folder: Holdfast's own, and, of a store that is a disk, the disk's. */
export async function besideFolders(layout: StoreLayout): Promise<(entry: Dirent) => boolean> {
  // It may be one of a sender that came when the name was not reserved yet.
  const isFolder = await hasFolder(layout.senders, LOST_AND_FOUND)
  return (entry) =>
    entry.name === OWN_DIRECTORY || (entry.name === LOST_AND_FOUND && entry.isDirectory() && !isFolder)
}
