import { opendir } from 'node:fs/promises'
import { message } from '../../words/message.ts'
import { errorCode } from '../../words/problem.ts'
import { callOn } from '../calls.ts'
import type { FileFacts } from '../facts.ts'
import { absolutePath, sameContent } from '../facts.ts'
import { createNameFilter } from '../names.ts'
import { unsendableWords } from '../unsendable.ts'
import { isGone, walk } from '../walk.ts'
import { lookAt } from './portable.ts'
import { QuietPeriod } from './quiet.ts'
import type { TreeListener, TreeRequest, TreeWatcher } from './tree-watcher.ts'

/** Between two looks at the whole tree: often enough for the quiet period, gentle on a network mount. */
function pauseOf(quietMs: number): number {
  return Math.min(5_000, Math.max(100, quietMs))
}

/** What one look found. */
interface Look {
  files: Map<string, FileFacts>
  signals: Set<string>
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
  const { root, base } = request
  const filter = createNameFilter(request.names)
  const closing = new AbortController()
  const quiet = new QuietPeriod({
    root,
    quietMs,
    finished: (files) => listener.finished(files),
    lost: () => listener.lost(),
  })
  let timer: NodeJS.Timeout | null = null

  const look = async (): Promise<Look> => {
    const found: Look = { files: new Map(), signals: new Set(), entries: '' }
    found.entries = await callOn(root, () => directoriesIn(absolutePath(root, base)))
    if (!request.recursive) return found
    for await (const chunk of walk({ root, base, filter, recursive: true, signal: closing.signal })) {
      for (const file of chunk.files) found.files.set(file.path, file)
      for (const { path } of [...chunk.files, ...chunk.skipped])
        if (request.signals.includes(path)) found.signals.add(path)
      for (const unsendable of chunk.unsendable) listener.problem(unsendableWords(root, unsendable))
    }
    return found
  }

  const tell = (before: Look, now: Look) => {
    if (now.entries !== before.entries) listener.entriesChanged()
    for (const signal of now.signals) if (!before.signals.has(signal)) listener.signal(signal)
    for (const [path, file] of now.files) {
      const known = before.files.get(path)
      if (known === undefined || !sameContent(known, file)) quiet.observe(file)
    }
  }

  const again = async (before: Look): Promise<void> => {
    let now = before
    try {
      now = await look()
      if (closing.signal.aborted) return
      tell(before, now)
    } catch (thrown) {
      if (closing.signal.aborted) return
      if (isGone(errorCode(thrown))) return listener.gone()
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      listener.problem(message('scan.watchFailed', { path: absolutePath(root, base), reason }))
    }
    next(now)
  }
  const next = (before: Look) => {
    timer = setTimeout(() => void again(before), pauseOf(quietMs))
  }

  next(await look())
  return {
    method: 'polling',
    examine: async (paths) => {
      await quiet.whenRoom()
      if (closing.signal.aborted) return
      await Promise.all(paths.map((path) => lookAt(request, filter, listener, quiet, path)))
    },
    refresh: () => undefined,
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
