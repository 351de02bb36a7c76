import type { TreeWatcher } from '../../../core/watch/tree-watcher.ts'

/** A watched tree in which nothing happens. */
export const quietTree: TreeWatcher = {
  method: 'watching',
  examine: async () => undefined,
  refresh: () => undefined,
  leaveOut: () => undefined,
  close: () => undefined,
}
