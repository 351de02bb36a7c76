import { stat } from 'node:fs/promises'
import { type Message, message } from '../../../lib/i18n/message.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { errorCode, isGone } from '../../../platform/system-error.ts'
import type { FolderDestination } from '../../../settings/destination-schema.ts'
import { type StoreLayout, storeLayout } from '../../../store/layout.ts'

/** The folder's disk is not mounted: Holdfast's own directory, which was made when it was added, is not there. */
export class NotMounted extends Error {
  override readonly name = 'NotMounted'
}

/**
 * Tells the store of a folder from any other: a disk that comes back may have another number, but its directories keep
 * their inodes. Nothing is made: what is at the path of a disk that is away is another disk's.
 * @throws NotMounted, or what the system says.
 */
export async function getStoreInode({ own }: Pick<StoreLayout, 'own'>): Promise<bigint> {
  try {
    return (await stat(own, { bigint: true })).ino
  } catch (error) {
    throw isGone(errorCode(error)) ? new NotMounted(own) : error
  }
}

type Place = Pick<FolderDestination, 'name' | 'path'>

/** What is said of a folder whose disk is away, whoever finds out. */
export const notMountedWords = ({ name, path }: Place): Message =>
  message('transfer.notMounted', { name, path })

/** @throws UserError where the folder's disk is away; what the system says. */
export async function requireMounted(place: Place): Promise<void> {
  try {
    await getStoreInode(storeLayout(place.path))
  } catch (error) {
    if (!(error instanceof NotMounted)) throw error
    const { key, params } = notMountedWords(place)
    throw new UserError(key, params, { cause: error })
  }
}
