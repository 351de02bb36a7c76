import { type FileSystem, hasUnseenWriters } from '../../mounts/unseen-writers.ts'

/** How a tree is watched. */
export type WatchMethod = 'inotify' | 'portable' | 'polling'

/** Facts that decide how a tree is watched. */
export interface WatchFacts extends FileSystem {
  /** False after inotify could not be used in this process. */
  inotifyUsable: boolean
}

/** Chooses the watcher of a tree; the only place that does. */
export function chooseWatch(facts: WatchFacts): WatchMethod {
  if (hasUnseenWriters(facts)) return 'polling'
  if (facts.platform !== 'linux') return 'portable'
  return facts.inotifyUsable ? 'inotify' : 'polling'
}
