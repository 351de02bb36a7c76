import type { Stats } from 'node:fs'
import { lstat } from 'node:fs/promises'
import path from 'node:path'
import type { FSWatcher } from 'chokidar'
import { watch } from 'chokidar'
import { errorCode, errorText, isGone } from '../../files/system-error.ts'
import type { NameFilter } from '../../filter/names.ts'
import { createNameFilter } from '../../filter/names.ts'
import { message } from '../../words/message.ts'
import { callOn } from '../tree/calls.ts'
import { absolutePath, factsOf } from '../tree/facts.ts'

import { Flood } from './flood.ts'
import { QuietPeriod } from './quiet.ts'
import type { TreeListener, TreeRequest, TreeWatcher } from './tree-watcher.ts'

const flood = new Flood()

export interface PortableOptions {
  quietMs: number
  /** The system allows no more watches (ENOSPC, EMFILE): this watcher is of no use any more. */
  limitReached(code: string): void
  /** Events may have been lost, and with them new directories, of which it will then know nothing. */
  flooded(): void
}

/**
 * Watches a tree by chokidar, on any system whose kernel tells of changes. Nothing says here that a writer has
 * closed a file: one is finished after the quiet period. Rejects with ENOSPC or EMFILE where the system has not
 * enough watches for the tree.
 */
export async function openPortable(
  request: TreeRequest,
  listener: TreeListener,
  { quietMs, limitReached, flooded }: PortableOptions,
): Promise<TreeWatcher> {
  const { root, place = root } = request
  const base = absolutePath(root, request.base)
  // chokidar waits for a path that is missing; here it is an error of the caller's.
  const { dev } = await callOn(place, () => lstat(base))
  let leaveOut = new Set(request.leaveOut ?? [])
  const quiet = new QuietPeriod({
    root,
    place,
    quietMs,
    finished: (files) => listener.finished(files),
    lost: () => listener.lost(),
  })
  const filter = createNameFilter(request.names)
  const watcher = startChokidar(request, filter, base, (path, device) => {
    return leaveOut.has(path) || (request.oneFileSystem === true && device !== dev)
  })
  const relative = (absolute: string) => path.relative(request.root, absolute).split(path.sep).join('/')
  const look = (file: string) => lookAt(request, filter, listener, quiet, file)
  let isOpen = false
  watcher.on('raw', () => flood.event())
  const directoryEvent = (absolute: string) => {
    if (path.dirname(absolute) === base) listener.entriesChanged()
  }
  watcher.on('add', (absolute) => void look(relative(absolute)))
  watcher.on('change', (absolute) => void look(relative(absolute)))
  watcher.on('addDir', directoryEvent)
  watcher.on('unlinkDir', (absolute) => {
    if (absolute === base) listener.gone()
    else directoryEvent(absolute)
  })
  let limited: string | null = null
  let closed = false
  await new Promise<void>((resolve) => {
    watcher.once('ready', resolve)
    watcher.on('error', (thrown) => {
      const code = errorCode(thrown)
      if (code !== 'ENOSPC' && code !== 'EMFILE') return listener.problem(watchProblem(base, thrown))
      // Every directory that follows fails, too: it is said once.
      if (limited === null && isOpen) limitReached(code)
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
  const ignoreFloods = flood.onFlood(flooded)
  return {
    method: 'watching',
    examine: async (paths) => {
      await quiet.whenRoom()
      if (!closed) await Promise.all(paths.map(look))
    },
    refresh: () => undefined,
    leaveOut: (directories) => {
      const before = leaveOut
      leaveOut = new Set(directories)
      for (const one of leaveOut) if (!before.has(one)) watcher.unwatch(absolutePath(root, one))
    },
    close: () => {
      closed = true
      ignoreFloods()
      quiet.close()
      void watcher.close()
    },
  }
}

function startChokidar(
  request: TreeRequest,
  filter: NameFilter,
  base: string,
  isElsewhere: (directory: string, device: number) => boolean,
): FSWatcher {
  const leftOut = (absolute: string, stats: Stats | undefined) => {
    if (absolute === base || stats === undefined) return false
    const below = path.relative(request.root, absolute).split(path.sep).join('/')
    if (!stats.isFile()) return filter.directory(below) !== null || isElsewhere(below, stats.dev)
    return !['mark', null].includes(filter.file(below))
  }
  return watch(base, {
    ignoreInitial: true,
    followSymlinks: false,
    atomic: false,
    ignored: (absolute, stats) => leftOut(absolute, stats),
  })
}

/** Has the quiet period watch a file, unless its name leaves it out. */
export async function lookAt(
  request: TreeRequest,
  filter: NameFilter,
  listener: TreeListener,
  quiet: QuietPeriod,
  file: string,
): Promise<void> {
  const leftOut = filter.file(file)
  if (leftOut === 'mark') listener.mark(file)
  if (leftOut !== null) return
  const absolute = absolutePath(request.root, file)
  try {
    const stats = await callOn(request.place ?? request.root, () => lstat(absolute, { bigint: true }))
    if (stats.isFile()) quiet.observe(factsOf(file, stats))
  } catch (thrown) {
    const code = errorCode(thrown)
    if (!isGone(code)) {
      listener.problem(message('scan.fileUnreadable', { path: absolute, code: code ?? String(thrown) }))
    }
  }
}

function watchProblem(base: string, thrown: unknown) {
  const reason = errorText(thrown)
  return message('scan.watchFailed', { path: base, reason })
}
