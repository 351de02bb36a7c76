import { errorCode } from '../../files/system-error.ts'
import { message } from '../../words/message.ts'
import { absolutePath } from '../tree/facts.ts'
import { openPolling } from './polling.ts'
import { openPortable } from './portable.ts'
import type { TreeListener, TreeRequest, TreeWatcher } from './tree-watcher.ts'

/**
 * Watches a tree by chokidar; where the system has not enough watches for it, by polling, and says so. chokidar
 * takes a watch for every file, so that it cannot be known which part of the tree it has left out.
 */
export async function openWithoutInotify(
  request: TreeRequest,
  listener: TreeListener,
  { quietMs }: { quietMs: number },
): Promise<TreeWatcher> {
  let { leaveOut = [] } = request
  let limit: string | null = null
  let closed = false
  const tellLimit = () => {
    const path = absolutePath(request.root, request.base)
    if (limit !== null) listener.problem(message('scan.watchLimitPolled', { path, code: limit }))
  }
  const poll = (code: string): Promise<TreeWatcher> => {
    limit = code
    tellLimit()
    return openPolling({ ...request, leaveOut }, listener, { quietMs })
  }
  const open = (): Promise<TreeWatcher> =>
    openPortable({ ...request, leaveOut }, listener, {
      quietMs,
      limitReached: (code) => void replace(() => poll(code)),
      flooded: () => void replace(open),
    }).catch((thrown) => {
      const code = errorCode(thrown)
      if (code === 'ENOSPC' || code === 'EMFILE') return poll(code)
      throw thrown
    })
  /** Watches from the beginning: first watch, then have the tree compared, as what was lost is not known. */
  const replace = async (openOther: () => Promise<TreeWatcher>): Promise<void> => {
    const before = current
    before.close()
    try {
      const other = await openOther()
      if (closed || current !== before) return other.close()
      current = other
      listener.lost()
    } catch (thrown) {
      if (!closed) listener.failed(thrown)
    }
  }
  let current = await open()
  return {
    get method() {
      return current.method
    },
    examine: (paths) => current.examine(paths),
    refresh: () => {
      // Called when a comparison begins, which forgets every problem that it does not meet.
      tellLimit()
      current.refresh()
    },
    leaveOut: (directories) => {
      const before = leaveOut
      leaveOut = directories
      // chokidar would say nothing of files that are there when it begins with what was uncovered.
      if (before.every((one) => directories.includes(one))) current.leaveOut(directories)
      else if (limit === null) void replace(open)
      else current.leaveOut(directories)
    },
    close: () => {
      closed = true
      current.close()
    },
  }
}
