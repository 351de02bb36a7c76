import { closeSync, writeSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { describeUnsendable, type Unsendable } from '../walk/walk.ts'
import type { FoundFiles } from './inotify-examiner.ts'
import { PartPolling, QuietPeriod } from './polling.ts'
import type { OpenFiles, TreeListener, TreeRequest, TreeWatcher } from './tree-watcher.ts'

/** In the machine's byte order (eventfd(2)). */
const ONE = BigUint64Array.of(1n)

/** Messages from the main thread to the inotify thread. Each is followed by a write to the thread's wake descriptor. */
export type ToThread =
  | { type: 'open'; tree: number; request: TreeRequest }
  | { type: 'close'; tree: number }
  | ({ tree: number } & ToTree)
  | { type: 'stop' }

/** Messages to one of its trees. */
export type ToTree =
  | { type: 'examine'; paths: readonly string[] }
  /** Replaces the set of directories that are not entered. */
  | { type: 'leave-out'; directories: readonly string[] }
  /** Tries to watch the directories that could not be watched. */
  | { type: 'retry' }
  /** Acknowledges one message of files; the tree may send another. */
  | { type: 'taken' }

/** Messages from the inotify thread to the main thread. */
export type FromThread = { type: 'started'; wake: number } | ({ tree: number } & FromTree)

/** Messages from one of its trees. */
export type FromTree =
  | { type: 'ready' }
  /** The tree is no longer watched, see TreeListener.ended. */
  | { type: 'ended'; code: string }
  | ({ type: 'files' } & FoundFiles)
  | { type: 'examined' }
  | { type: 'writing'; open: OpenFiles }
  | { type: 'mark'; path: string }
  | { type: 'entries-changed' }
  /** See TreeListener.gone. */
  | { type: 'gone'; paths: string[] | null }
  | { type: 'unsendable'; unsendable: Unsendable }
  /** See WatchedDirectories.takeUnwatched. */
  | { type: 'unwatched'; count: number }
  /** Directories without a watch in which something has changed. */
  | { type: 'changed'; directories: string[] }

/** A tree that was requested from the thread. */
interface OpenedTree {
  request: TreeRequest
  listener: TreeListener
  quiet: QuietPeriod
  /** For directories without a watch. */
  polling: PartPolling
  /** Settles the opening; null after the tree is ready. */
  opening: { resolve: () => void; reject: (error: unknown) => void } | null
  /** Callbacks of pending `examine` requests, which are handled in their order. */
  examined: (() => void)[]
}

/** The main thread's side of an inotify thread: opens trees in it and passes its findings to their listeners. */
export class InotifyWatcher {
  readonly #worker: Worker
  readonly #quietMs: number
  readonly #trees = new Map<number, OpenedTree>()
  readonly #ended: Promise<void>
  #wake: number | null = null
  #nextId = 1
  /** The error after which it can open no further trees. */
  #failure: unknown = null

  constructor(file: URL, quietMs: number) {
    this.#quietMs = quietMs
    this.#worker = new Worker(file, {
      // The thread closes descriptors through Node.js that the C library opened, so Node.js cannot track them.
      trackUnmanagedFds: false,
    })
    this.#worker.on('message', (message: FromThread) => this.#take(message))
    this.#worker.once('error', (error) => this.#fail(error))
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        if (this.#wake !== null) closeSync(this.#wake)
        this.#wake = null
        this.#fail(new Error('the inotify thread ended'))
        resolve()
      })
    })
  }

  get isUsable(): boolean {
    return this.#failure === null
  }

  get trees(): number {
    return this.#trees.size
  }

  async open(request: TreeRequest, listener: TreeListener): Promise<TreeWatcher> {
    if (this.#failure !== null) throw this.#failure
    const id = this.#nextId
    this.#nextId += 1
    const quiet = new QuietPeriod(request, listener, this.#quietMs)
    await new Promise<void>((resolve, reject) => {
      const opening = { resolve, reject }
      const polling = new PartPolling(request, listener, this.#quietMs)
      this.#trees.set(id, { request, listener, quiet, polling, opening, examined: [] })
      this.#send({ type: 'open', tree: id, request })
    })
    return this.#watcher(id, quiet)
  }

  #watcher(id: number, quiet: QuietPeriod): TreeWatcher {
    return {
      method: 'watching',
      examine: async (paths) => {
        await quiet.whenRoom()
        const tree = this.#trees.get(id)
        if (tree === undefined || paths.length === 0) return
        await new Promise<void>((resolve) => {
          tree.examined.push(resolve)
          this.#send({ type: 'examine', tree: id, paths })
        })
      },
      refresh: () => {
        if (this.#trees.has(id)) this.#send({ type: 'retry', tree: id })
      },
      leaveOut: (directories) => {
        if (this.#trees.has(id)) this.#send({ type: 'leave-out', tree: id, directories })
      },
      close: () => this.#close(id),
    }
  }

  /** Stops the thread. Resolves when it is gone, which a file system that hangs may delay for ever. */
  stop(): Promise<void> {
    this.#failure ??= new Error('the inotify thread was stopped')
    for (const id of [...this.#trees.keys()]) this.#close(id)
    this.#send({ type: 'stop' })
    return this.#ended
  }

  #send(message: ToThread): void {
    this.#worker.postMessage(message)
    this.#nudge()
  }

  #nudge(): void {
    // Before `started` the thread reads its messages without being woken.
    if (this.#wake !== null) writeSync(this.#wake, ONE)
  }

  #take(message: FromThread): void {
    if (message.type === 'started') {
      this.#wake = message.wake
      // Wake the thread for messages posted before the descriptor was known.
      this.#nudge()
      return
    }
    if (message.type === 'files') {
      this.#takeFiles(message)
      return
    }
    const tree = this.#trees.get(message.tree)
    if (tree === undefined) return
    const { listener } = tree
    switch (message.type) {
      case 'ready':
        tree.opening?.resolve()
        tree.opening = null
        return
      case 'ended': {
        const { code } = message
        this.#endTree(message.tree, Object.assign(new Error(`inotify: ${code}`), { code }))
        return
      }
      case 'examined':
        tree.examined.shift()?.()
        return
      case 'writing':
        listener.writing(tree.request.base, message.open)
        return
      case 'mark':
        listener.mark(message.path)
        return
      case 'entries-changed':
        listener.entriesChanged()
        return
      case 'gone':
        listener.gone(message.paths)
        return
      case 'unsendable':
        // Sentences are built in the main thread: a thread without them starts sooner and is smaller.
        listener.problem(describeUnsendable(tree.request.root, message.unsendable))
        return
      case 'unwatched':
        tree.polling.set(message.count)
        return
      case 'changed':
        tree.polling.changed(message.directories)
        return
      default:
        message satisfies never
    }
  }

  #takeFiles({
    tree: id,
    finished,
    unproven,
    reopened,
    linked,
    directories,
  }: FromThread & { type: 'files' }): void {
    const tree = this.#trees.get(id)
    try {
      // Reopened files come first: a file that was closed again since is then observed again.
      for (const path of reopened) tree?.quiet.forget(path)
      for (const scanned of unproven) tree?.quiet.observe(scanned)
      if (finished.length > 0) tree?.listener.finished(finished)
      if (linked.length > 0) tree?.listener.linked(linked)
      if (directories.length > 0) tree?.listener.directoriesChanged(directories)
    } finally {
      // Acknowledge only now: everything that the thread finds meanwhile then forms one message and one transaction.
      // In a later turn of the event loop: a port hands out up to 1,000 messages in one turn, those that arrive
      // meanwhile included, and nothing else would be answered for the files of a renamed tree.
      setImmediate(() => this.#send({ type: 'taken', tree: id }))
    }
  }

  #close(id: number): void {
    if (!this.#trees.has(id)) return
    this.#forget(id)?.opening?.reject(new Error('closed while it was opened'))
    this.#send({ type: 'close', tree: id })
  }

  #forget(id: number): OpenedTree | undefined {
    const tree = this.#trees.get(id)
    this.#trees.delete(id)
    tree?.quiet.close()
    tree?.polling.close()
    // Open files are known only while the tree is watched.
    if (tree !== undefined)
      setImmediate(() => tree.listener.writing(tree.request.base, { files: 0, since: 0, path: '' }))
    for (const resolve of tree?.examined ?? []) resolve()
    return tree
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    for (const id of [...this.#trees.keys()]) this.#endTree(id, error)
  }

  #endTree(id: number, error: unknown): void {
    const tree = this.#forget(id)
    if (tree?.opening === null) tree.listener.ended(error)
    else tree?.opening.reject(error)
  }
}
