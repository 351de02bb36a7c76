import type { FileFacts } from '../tree/facts.ts'
import type { Unsendable } from '../tree/walk.ts'
import type { TreeRequest } from './tree-watcher.ts'

/** Main thread to the inotify thread. Each is followed by a write to the thread's wake descriptor. */
export type ToThread =
  | { type: 'open'; tree: number; request: TreeRequest }
  | { type: 'close'; tree: number }
  | { type: 'examine'; tree: number; paths: readonly string[] }
  | { type: 'refresh'; tree: number }
  /** From now on these directories are not entered, and no others. */
  | { type: 'leave-out'; tree: number; directories: readonly string[] }
  /** One message of files was dealt with; the thread may send another. */
  | { type: 'taken' }
  | { type: 'stop' }

/** The inotify thread to the main thread. */
export type FromThread =
  | { type: 'started'; wake: number }
  | { type: 'ready'; tree: number }
  /** The tree's own directory could not be watched. */
  | { type: 'refused'; tree: number; code: string }
  | { type: 'files'; tree: number; finished: FileFacts[]; unproven: FileFacts[] }
  | { type: 'examined'; tree: number }
  | { type: 'mark'; tree: number; path: string }
  | { type: 'entries-changed'; tree: number }
  | { type: 'lost'; tree: number }
  | { type: 'unwatched'; tree: number; count: number }
  | { type: 'unsendable'; tree: number; unsendable: Unsendable }
  | { type: 'gone'; tree: number }
