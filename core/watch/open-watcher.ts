import { stat } from 'node:fs/promises'
import { message } from '../lib/i18n/message.ts'
import { findMount, hasUnseenWriters, type Mount, MountTable, readMounts } from '../platform/mounts.ts'
import { native } from '../platform/native.ts'
import { errorCode } from '../platform/system-error.ts'
import { absolutePath } from '../walk/scanned-file.ts'
import { callOn, type MountScope } from '../walk/walk.ts'
import { InotifyWatcher } from './inotify.ts'
import { MountedTree } from './mounted-tree.ts'
import { probeWriters } from './open-writers.ts'
import { type IsBusy, openPolling } from './polling.ts'
import { openPortable } from './portable.ts'
import {
  isWatchLimit,
  type OpenTree,
  type TreeListener,
  type TreeRequest,
  type TreeWatcher,
} from './tree-watcher.ts'

/** Chooses how a tree is watched; no other code decides this. */
export function chooseWatch(facts: {
  platform: NodeJS.Platform
  /** The mount of its directory; null where the system lists none. */
  mount: Pick<Mount, 'type'> | null
  /** The native library is loaded. */
  inotifyUsable: boolean
}): 'inotify' | 'portable' | 'polling' {
  if (facts.platform !== 'linux') return 'portable'
  return facts.inotifyUsable && !hasUnseenWriters(facts.mount) ? 'inotify' : 'polling'
}

interface WatchersOptions {
  /** The file that calls runInotifyThread. */
  watcherThread: URL
  quietMs: number
  log(message: string): void
}

/**
 * The watchers of one process: one inotify thread for each file system, so that a disk that hangs stops only its own.
 */
export class Watchers {
  readonly #options: WatchersOptions
  readonly #threads = new Map<number, InotifyWatcher>()
  readonly #table = new MountTable()

  constructor(options: WatchersOptions) {
    this.#options = options
    if (process.platform === 'linux' && native === null)
      options.log('inotify cannot be used, sources are polled: the native library does not load')
  }

  /** Opens a tree, each file system in it with the watcher that it needs. */
  open(
    request: TreeRequest,
    listener: TreeListener,
    scope: MountScope = { oneFileSystem: false, away: () => [] },
  ): Promise<TreeWatcher> {
    const openRegion: OpenTree = (region, listening) => this.#openRegion(region, listening)
    return new MountedTree(request, listener, { scope, table: this.#table, openRegion }).open()
  }

  async #openRegion(request: TreeRequest, listener: TreeListener): Promise<TreeWatcher> {
    const { root, base, place = root } = request
    const directory = absolutePath(root, base)
    const { dev } = await callOn(place, () => stat(directory))
    // Read after the stat, which triggers an automount.
    const mount = findMount(readMounts() ?? [], directory)
    const method = chooseWatch({ platform: process.platform, mount, inotifyUsable: native !== null })
    const { quietMs } = this.#options
    const isBusy = async (file: string) => (await probeWriters(root, file, place)).state === 'busy'
    if (method === 'polling') return openPolling(request, listener, { quietMs })
    if (method === 'portable')
      return openOrPoll(
        request,
        listener,
        { quietMs, isBusy },
        openPortable(request, listener, { quietMs, isBusy }),
      )
    const thread = this.#thread(dev)
    try {
      const watcher = await openOrPoll(request, listener, { quietMs, isBusy }, thread.open(request, listener))
      return { ...watcher, close: () => this.#close(dev, thread, watcher) }
    } catch (error) {
      this.#endIfIdle(dev, thread)
      throw error
    }
  }

  /** Stops every thread; resolves when all are gone. */
  async stop(): Promise<void> {
    const threads = [...this.#threads.values()]
    this.#threads.clear()
    await Promise.all(threads.map((thread) => thread.stop()))
  }

  #thread(device: number): InotifyWatcher {
    const known = this.#threads.get(device)
    if (known?.isUsable) return known
    const thread = new InotifyWatcher(this.#options.watcherThread, this.#options.quietMs)
    this.#threads.set(device, thread)
    return thread
  }

  #close(device: number, thread: InotifyWatcher, watcher: TreeWatcher): void {
    watcher.close()
    this.#endIfIdle(device, thread)
  }

  #endIfIdle(device: number, thread: InotifyWatcher): void {
    if (thread.trees > 0 || this.#threads.get(device) !== thread) return
    this.#threads.delete(device)
    void thread.stop()
  }
}

/**
 * Polls a tree, and reports this, if the system has too few watches for it; a later comparison tries to watch it
 * again.
 */
async function openOrPoll(
  request: TreeRequest,
  listener: TreeListener,
  settings: { quietMs: number; isBusy: IsBusy },
  opening: Promise<TreeWatcher>,
): Promise<TreeWatcher> {
  try {
    return await opening
  } catch (error) {
    const code = errorCode(error)
    if (!isWatchLimit(code)) throw error
    const { root, base } = request
    const report = () =>
      listener.problem(message('scan.watchLimitPolled', { path: absolutePath(root, base), code }))
    // A comparison removes every problem that it does not meet again.
    const lost = async (directory: string) => {
      report()
      await listener.lost(directory)
      report()
    }
    const polled = await openPolling(request, { ...listener, lost }, settings)
    return { ...polled, refresh: () => setImmediate(() => listener.ended(error)) }
  }
}
