import { opendir } from 'node:fs/promises'
import { errorCode, errorText, isGone } from '../../files/system-error.ts'
import { createNameFilter } from '../../filter/names.ts'
import { message } from '../../words/message.ts'
import { callOn } from '../tree/calls.ts'
import { absolutePath } from '../tree/facts.ts'
import { unsendableWords } from '../tree/unsendable.ts'
import { walk } from '../tree/walk.ts'
import { Fingerprints } from './fingerprints.ts'
import { lookAt } from './portable.ts'
import { QuietPeriod } from './quiet.ts'
import type { TreeListener, TreeRequest, TreeWatcher } from './tree-watcher.ts'

/**
 * Between two looks at the whole tree: often enough for the quiet period, gentle on a network mount, and on the
 * processor where a look takes long.
 */
function pauseOf(quietMs: number, lookMs: number): number {
  return Math.max(Math.min(5_000, Math.max(100, quietMs)), 2 * lookMs)
}

/** What one look found. */
interface Look {
  files: Fingerprints
  tookMs: number
  marks: Set<string>
  /** Directories of the first level, in one string. */
  entries: string
}

/**
 * Watches a tree by listing it again and again: for mounts that other computers write to. Not chokidar's polling,
 * which has a call out for every single file: a network mount that hangs would then stop the whole process.
 */
export async function openPolling(
  request: TreeRequest,
  listener: TreeListener,
  { quietMs }: { quietMs: number },
): Promise<TreeWatcher> {
  const { root, base, place = root } = request
  let { leaveOut = [] } = request
  const filter = createNameFilter(request.names)
  const closing = new AbortController()
  const quiet = new QuietPeriod({
    root,
    place,
    quietMs,
    finished: (files) => listener.finished(files),
    lost: () => listener.lost(),
  })
  let timer: NodeJS.Timeout | null = null

  /** Tells of each file that was not there, with this content, in the look before. */
  const look = async (before: Look | null): Promise<Look> => {
    const began = performance.now()
    const found: Look = { files: new Fingerprints(), tookMs: 0, marks: new Set(), entries: '' }
    found.entries = await callOn(place, () => directoriesIn(absolutePath(root, base)))
    if (before !== null && found.entries !== before.entries) listener.entriesChanged()
    const options = { root, base, place, leaveOut, filter, recursive: true, signal: closing.signal }
    for await (const chunk of walk(options)) {
      if (closing.signal.aborted) return found
      for (const { path, why } of chunk.skipped) {
        if (why !== 'mark') continue
        found.marks.add(path)
        if (before?.marks.has(path) === false) listener.mark(path)
      }
      for (const unsendable of chunk.unsendable) listener.problem(unsendableWords(root, unsendable))
      const news = chunk.files.filter((file) => before?.files.has(file) === false)
      if (news.length > 0) await quiet.whenRoom()
      for (const file of news) quiet.observe(file)
      for (const file of chunk.files) found.files.add(file)
    }
    found.tookMs = performance.now() - began
    return found
  }

  const again = async (before: Look): Promise<void> => {
    let now = before
    try {
      now = await look(before)
      if (closing.signal.aborted) return
    } catch (thrown) {
      if (closing.signal.aborted) return
      if (isGone(errorCode(thrown))) return listener.gone()
      const reason = errorText(thrown)
      listener.problem(message('scan.watchFailed', { path: absolutePath(root, base), reason }))
    }
    next(now)
  }
  const next = (before: Look) => {
    timer = setTimeout(() => void again(before), pauseOf(quietMs, before.tookMs))
  }

  next(await look(null))
  return {
    method: 'polling',
    examine: async (paths) => {
      await quiet.whenRoom()
      if (closing.signal.aborted) return
      await Promise.all(paths.map((path) => lookAt(request, filter, listener, quiet, path)))
    },
    refresh: () => undefined,
    leaveOut: (directories) => {
      leaveOut = directories
    },
    close: () => {
      closing.abort()
      if (timer !== null) clearTimeout(timer)
      quiet.close()
    },
  }
}

async function directoriesIn(directory: string): Promise<string> {
  const names: string[] = []
  for await (const entry of await opendir(directory)) if (!entry.isFile()) names.push(entry.name)
  return names.sort().join('/')
}
