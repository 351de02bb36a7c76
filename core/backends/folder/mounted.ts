import { stat } from 'node:fs/promises'
import { type Message, message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { errorCode, isGone } from '../../platform/system-error.ts'
import type { FolderDestination } from '../../settings/destination-schema.ts'
import { type StoreLayout, storeLayout } from '../../store/layout.ts'

/** The folder's disk is not mounted: Holdfast's own directory, created when the folder was added, is missing. */
export class NotMounted extends Error {
  override readonly name = 'NotMounted'
}

/**
 * Returns the inode that identifies a folder's store: the device number can change when a disk is mounted again, but
 * inodes stay. Creates nothing: below the path of an unmounted disk lies another disk.
 * @throws NotMounted, or the system error.
 */
export async function getStoreInode({ own }: Pick<StoreLayout, 'own'>): Promise<bigint> {
  try {
    return (await stat(own, { bigint: true })).ino
  } catch (error) {
    throw isGone(errorCode(error)) ? new NotMounted(own) : error
  }
}

type Place = Pick<FolderDestination, 'name' | 'path'>

/** Returns the message for a folder whose disk is not mounted. */
export const notMountedWords = ({ name, path }: Place): Message =>
  message('transfer.notMounted', { name, path })

/** @throws UserError if the folder's disk is not mounted; the system error. */
export async function requireMounted(place: Place): Promise<void> {
  try {
    await getStoreInode(storeLayout(place.path))
  } catch (error) {
    if (!(error instanceof NotMounted)) throw error
    const { key, params } = notMountedWords(place)
    throw new UserError(key, params, { cause: error })
  }
}
