import { randomUUID } from 'node:crypto'
import path from 'node:path'

/** Holdfast's own directory in a store; no sender's folder has this name. */
export const OWN_DIRECTORY = '.holdfast'

/** What the root of an ext file system has for fsck(8), and only root can read; no sender's folder has this name. */
export const LOST_AND_FOUND = 'lost+found'

/** A path that nothing has, in a directory for files on their way. */
export const temporaryIn = (directory: string): string => `${directory}/${randomUUID()}`

/**
 * Where things are in a store:
 *
 *     STORE/<sender>/<source>/<path>                                     the files
 *     STORE/isocket/<address>/<path>                                     what original isocket clients send
 *     STORE/.holdfast/versions/<sender>/<source>/<path>/<version>        what a newer content replaced
 *     STORE/.holdfast/tmp/…                                              files on their way
 *     STORE/.holdfast/partial/<sender>/…                                 large ones, which can be resumed
 *     STORE/.holdfast/manifest.db                                        what is stored, with digests
 *     STORE/.holdfast/wanted                                             changes when verify wants files again
 *     STORE/.holdfast/{identity/,senders.json,codes/,receiver.json}      the receiver's own
 *     STORE/.holdfast/seen.json                                          when each sender was last connected, what it said
 *     STORE/.holdfast/lock.db                                            held while one runs, where no flock is
 */
export type StoreLayout = ReturnType<typeof storeLayout>

export function storeLayout(directory: string) {
  const root = path.resolve(directory)
  const own = path.join(root, OWN_DIRECTORY)
  return {
    root,
    own,
    identity: path.join(own, 'identity'),
    senders: path.join(own, 'senders.json'),
    /** When each sender was last connected, and what it last said of itself. */
    seen: path.join(own, 'seen.json'),
    codes: path.join(own, 'codes'),
    temporary: path.join(own, 'tmp'),
    partial: path.join(own, 'partial'),
    /** Where the running, or last, receiver of this store can be reached. */
    receiver: path.join(own, 'receiver.json'),
    manifest: path.join(own, 'manifest.db'),
    /** Its time of modification tells a receiver that verify has found files to be asked for again. */
    wanted: path.join(own, 'wanted'),
    /** Below the root, as components. */
    versions: [OWN_DIRECTORY, 'versions'],
  }
}
