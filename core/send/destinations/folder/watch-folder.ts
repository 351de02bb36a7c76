import { stat } from 'node:fs/promises'
import { errorText } from '../../../platform/system-error.ts'
import { listResendRequests } from '../../../store/senders/senders.ts'
import type { OpenFolder } from './open-store.ts'
import { getStoreInode, NotMounted } from './place.ts'

const LOOK_EVERY_MS = 2_000
/** Interval between two queries for files that the store wants again: files asked for earlier may not have arrived. */
const ASK_EVERY_MS = 10 * 60_000

export interface FolderWatching {
  /** The folder's disk is not mounted. */
  onLost(why: Error): void
  /** How long the disk has not answered a call, in milliseconds; called at every check. */
  onStalled(ms: number): void
  /** The store wants these files again: source id and path. */
  onWanted(files: [string, string][]): void
  log(text: string): void
}

/** Watches an open folder; returns a function that stops it. */
export function watchFolder(
  { layout, store, senders, me, mark }: OpenFolder,
  { onLost, onStalled, onWanted, log }: FolderWatching,
): () => void {
  let stamp: string | null = null
  let askedAt = 0
  let isLooking = false
  let isFailing = false

  /** Queries wanted files if the store's `wanted` file has changed, as after a verification, or after ASK_EVERY_MS. */
  const askWanted = async (): Promise<void> => {
    const now = await stat(layout.wanted, { bigint: true }).then(
      ({ ino, mtimeNs }) => `${ino} ${mtimeNs}`,
      () => '',
    )
    if (now === stamp && performance.now() - askedAt < ASK_EVERY_MS) return
    for await (const files of listResendRequests(store, senders, me.folder))
      if (files.length > 0) onWanted(files)
    askedAt = performance.now()
    stamp = now
  }

  const look = async (): Promise<void> => {
    // Only one check at a time: on a disk that hangs they would pile up.
    if (isLooking) return
    isLooking = true
    try {
      if ((await getStoreInode(layout)) !== mark) throw new NotMounted(layout.own)
      await askWanted()
      isFailing = false
    } catch (error) {
      if (error instanceof NotMounted) onLost(error)
      else if (!isFailing) log(`it cannot be looked at: ${errorText(error)}`)
      isFailing = true
    } finally {
      isLooking = false
    }
  }

  const timer = setInterval(() => {
    onStalled(store.stalledMs())
    void look()
  }, LOOK_EVERY_MS)
  void look()
  return () => clearInterval(timer)
}
