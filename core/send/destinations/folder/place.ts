import { stat } from 'node:fs/promises'
import { errorCode, isGone } from '../../../files/system-error.ts'
import type { StoreLayout } from '../../../store/layout.ts'

/** The folder's disk is not mounted: Holdfast's own directory, which was made when it was added, is not there. */
export class NotMounted extends Error {
  override readonly name = 'NotMounted'
}

/**
 * Tells the store of a folder from any other: a disk that comes back may have another number, but its directories keep
 * their inodes. Nothing is made: what is at the path of a disk that is away is another disk's.
 * @throws NotMounted, or what the system says.
 */
export async function markOf({ own }: Pick<StoreLayout, 'own'>): Promise<bigint> {
  try {
    return (await stat(own, { bigint: true })).ino
  } catch (thrown) {
    throw isGone(errorCode(thrown)) ? new NotMounted(own) : thrown
  }
}
