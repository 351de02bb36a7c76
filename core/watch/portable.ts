import type { Stats } from 'node:fs'
import { lstat } from 'node:fs/promises'
import path from 'node:path'
import { type FSWatcher, watch } from 'chokidar'
import { createNameFilter, type NameFilter } from '../filter/exclusion-rules.ts'
import { message } from '../lib/i18n/message.ts'
import { errorCode, errorText } from '../platform/system-error.ts'
import { absolutePath } from '../walk/scanned-file.ts'
import { callOn } from '../walk/walk.ts'
import { type IsBusy, QuietPeriod } from './polling.ts'
import { isWatchLimit, type TreeListener, type TreeRequest, type TreeWatcher } from './tree-watcher.ts'

/**
 * Watches a tree with chokidar, on systems other than Linux. No event shows here that a writer has closed a file: it is
 * finished after the quiet period, on Windows when no program has it open for writing then. Rejects, or fails later,
 * with the error of `isWatchLimit` if the system has too few watches for the tree: chokidar uses one for every file.
 */
export async function openPortable(
  request: TreeRequest,
  listener: TreeListener,
  { quietMs, isBusy }: { quietMs: number; isBusy?: IsBusy },
): Promise<TreeWatcher> {
  const { root, place = root } = request
  const base = absolutePath(root, request.base)
  // chokidar waits for a missing path; here that is an error.
  await callOn(place, () => lstat(base))
  let leaveOut = new Set(request.leaveOut ?? [])
  const quiet = new QuietPeriod(request, listener, quietMs, isBusy)
  const filter = createNameFilter(request.names)
  const watcher = startChokidar(request, filter, base, (path) => leaveOut.has(path))
  const relative = (absolute: string) => path.relative(request.root, absolute).split(path.sep).join('/')
  let isOpen = false
  const directoryEvent = (absolute: string) => {
    if (path.dirname(absolute) === base) listener.entriesChanged()
  }
  watcher.on('add', (absolute) => void quiet.examineFile(relative(absolute)))
  watcher.on('change', (absolute) => void quiet.examineFile(relative(absolute)))
  watcher.on('addDir', directoryEvent)
  watcher.on('unlinkDir', (absolute) => {
    if (absolute === base) listener.ended(Object.assign(new Error(`${base} is gone`), { code: 'ENOENT' }))
    else directoryEvent(absolute)
  })
  let limited: string | null = null
  await new Promise<void>((resolve) => {
    watcher.once('ready', resolve)
    watcher.on('error', (error) => {
      const code = errorCode(error)
      if (!isWatchLimit(code)) return listener.problem(watchProblem(base, error))
      // Every further directory fails, too: report the first error only.
      if (limited === null && isOpen) listener.ended(error)
      limited ??= code
      resolve()
    })
  })
  if (limited !== null) {
    quiet.close()
    void watcher.close()
    throw Object.assign(new Error(`watching ${base}: ${limited}`), { code: limited })
  }
  isOpen = true
  return {
    method: 'watching',
    examine: (paths) => quiet.examine(paths),
    refresh: () => undefined,
    leaveOut: (directories) => {
      const before = leaveOut
      leaveOut = new Set(directories)
      for (const one of leaveOut) if (!before.has(one)) watcher.unwatch(absolutePath(root, one))
      for (const one of before) {
        if (leaveOut.has(one)) continue
        watcher.add(absolutePath(root, one))
        // chokidar does not report files that exist already.
        void listener.lost(one)
      }
    },
    close: () => {
      quiet.close()
      void watcher.close()
    },
  }
}

function startChokidar(
  request: TreeRequest,
  filter: NameFilter,
  base: string,
  isUnwanted: (directory: string) => boolean,
): FSWatcher {
  const leftOut = (absolute: string, stats: Stats | undefined) => {
    if (absolute === base || stats === undefined) return false
    const below = path.relative(request.root, absolute).split(path.sep).join('/')
    if (!stats.isFile()) return filter.directory(below) !== null || isUnwanted(below)
    return !['mark', null].includes(filter.file(below))
  }
  return watch(base, {
    ignoreInitial: true,
    followSymlinks: false,
    atomic: false,
    ignored: (absolute, stats) => leftOut(absolute, stats),
  })
}

function watchProblem(base: string, error: unknown) {
  const reason = errorText(error)
  return message('scan.watchFailed', { path: base, reason })
}
