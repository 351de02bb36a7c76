import { randomUUID } from 'node:crypto'
import { stat } from 'node:fs/promises'
import path from 'node:path'

/** Holdfast's own directory in a store; no sender's folder has this name. */
export const OWN_DIRECTORY = '.holdfast'

/** Directory of fsck(8) in the root of an ext file system, readable by root only; no sender's folder has this name. */
export const LOST_AND_FOUND = 'lost+found'

/** Returns an unused path in a directory of temporary files. */
export const temporaryIn = (directory: string): string => `${directory}/${randomUUID()}`

/**
 * The layout of a store:
 *
 *     STORE/<sender>/<source>/<path>                                     files
 *     STORE/isocket/<address>/<path>                                     files of original isocket clients
 *     STORE/.holdfast/versions/<sender>/<source>/<path>/<version>        older versions
 *     STORE/.holdfast/tmp/…                                              temporary files
 *     STORE/.holdfast/partial/<sender>/…                                 large files that can be resumed
 *     STORE/.holdfast/manifest.db                                        stored files, with digests
 *     STORE/.holdfast/wanted                                             touched when verify requests files
 *     STORE/.holdfast/{identity/,senders.json,codes/,receiver.json}      state of the receiver
 *     STORE/.holdfast/seen.json                                          last connection and status of each sender
 *     STORE/.holdfast/alerts.db                                          incidents and changes
 *     STORE/.holdfast/lock.db                                            lock of a running receiver, without flock(2)
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
    /** Last connection and last reported status of each sender. */
    seen: path.join(own, 'seen.json'),
    codes: path.join(own, 'codes'),
    /** Incidents of `holdfast receive`, and the changes by commands for the store. */
    alerts: path.join(own, 'alerts.db'),
    temporary: path.join(own, 'tmp'),
    partial: path.join(own, 'partial'),
    /** Address of the running, or last, receiver of this store. */
    receiver: path.join(own, 'receiver.json'),
    manifest: path.join(own, 'manifest.db'),
    /** A change of its modification time signals to the receiver that verify has requested files. */
    wanted: path.join(own, 'wanted'),
    /** Below the root, as components. */
    versions: [OWN_DIRECTORY, 'versions'],
  }
}

export const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  )

/**
 * True if a directory is a store: of this computer, of another Holdfast, or a copy of one. A new store has no manifest
 * yet, but its receiver has written its address.
 */
export async function isStoreRoot(directory: string): Promise<boolean> {
  const { manifest, receiver } = storeLayout(directory)
  return (await isThere(manifest)) || (await isThere(receiver))
}

/** Returns the store that a directory is, or is in; null: none. */
export async function findStoreAround(directory: string): Promise<string | null> {
  for (let at = directory; ; at = path.dirname(at)) {
    if (await isStoreRoot(at)) return at
    if (path.dirname(at) === at) return null
  }
}
