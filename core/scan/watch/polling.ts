import { lstat } from 'node:fs/promises'
import { errorCode, isGone } from '../../files/system-error.ts'
import { callOn } from '../tree/calls.ts'
import { absolutePath } from '../tree/facts.ts'
import { QuietPeriod } from './quiet.ts'
import type { TreeListener, TreeRequest, TreeWatcher } from './tree-watcher.ts'

/**
 * Between two comparisons: often enough for the quiet period, gentle on a network mount, and on the processor where a
 * comparison takes long.
 */
function pauseOf(quietMs: number, tookMs: number): number {
  return Math.max(Math.min(5_000, Math.max(100, quietMs)), 2 * tookMs)
}

/** Has a tree compared with the ledger again and again; returns the function that ends it. */
export function compareAgain(request: TreeRequest, listener: TreeListener, quietMs: number): () => void {
  const { root, base, place = root } = request
  let timer: NodeJS.Timeout | null = null
  let ended = false
  const compare = async () => {
    const began = performance.now()
    const code = await callOn(place, () => lstat(absolutePath(root, base))).then(() => null, errorCode)
    if (ended) return
    if (isGone(code)) return listener.gone()
    await listener.lost(base)
    if (!ended) next(performance.now() - began)
  }
  const next = (tookMs: number) => {
    timer = setTimeout(() => void compare(), pauseOf(quietMs, tookMs))
  }
  next(0)
  return () => {
    ended = true
    if (timer !== null) clearTimeout(timer)
  }
}

/** Where no system tells of changes: the tree is compared again and again, and a file is finished when it rests. */
export async function openPolling(
  request: TreeRequest,
  listener: TreeListener,
  { quietMs }: { quietMs: number },
): Promise<TreeWatcher> {
  const { root, base, place = root } = request
  await callOn(place, () => lstat(absolutePath(root, base)))
  const quiet = new QuietPeriod(request, listener, quietMs)
  const endComparing = compareAgain(request, listener, quietMs)
  return {
    method: 'polling',
    examine: (paths) => quiet.examine(paths),
    refresh: () => undefined,
    leaveOut: () => undefined,
    close: () => {
      endComparing()
      quiet.close()
    },
  }
}
