import { stat } from 'node:fs/promises'
import { errorText } from '../../../platform/system-error.ts'
import { wantedOf } from '../../../store/senders/senders.ts'
import type { OpenFolder } from './open-store.ts'
import { getStoreInode, NotMounted } from './place.ts'

const LOOK_EVERY_MS = 2_000
/** The store is asked this often for files that it wants again; those that it was asked for may not have come. */
const ASK_EVERY_MS = 10 * 60_000

export interface FolderWatching {
  /** Its disk is away. */
  onLost(why: Error): void
  /** How long the disk has left a call unanswered, in milliseconds; told all the time. */
  onStalled(ms: number): void
  /** The store wants these again: a source's id, and a path. */
  onWanted(files: [string, string][]): void
  log(text: string): void
}

/** Looks after a folder that is open; returns what ends it. */
export function watchFolder(
  { layout, store, senders, me, mark }: OpenFolder,
  { onLost, onStalled, onWanted, log }: FolderWatching,
): () => void {
  let stamp: string | null = null
  let askedAt = 0
  let isLooking = false
  let isFailing = false

  /** What verify has found is asked for by a change of the store's `wanted` file. */
  const askWanted = async (): Promise<void> => {
    const now = await stat(layout.wanted, { bigint: true }).then(
      ({ ino, mtimeNs }) => `${ino} ${mtimeNs}`,
      () => '',
    )
    if (now === stamp && performance.now() - askedAt < ASK_EVERY_MS) return
    for await (const files of wantedOf(store, senders, me.folder)) if (files.length > 0) onWanted(files)
    askedAt = performance.now()
    stamp = now
  }

  const look = async (): Promise<void> => {
    // A disk that hangs has one look waiting, not one more each time.
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
