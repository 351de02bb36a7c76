import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { createNameFilter, isOwnName, type NameFilter } from '../filter/exclusion-rules.ts'
import { raisePriority } from '../lib/workers/process.ts'
import { errorCode } from '../platform/system-error.ts'
import { openWake, readNow, waitReadable } from '../platform/waiting.ts'
import { joinRelative, splitPath } from '../walk/scanned-file.ts'
import type { Unsendable } from '../walk/walk.ts'
import type { FromThread, FromTree, ToThread, ToTree } from './inotify.ts'
import { Examiner, type Occasion, Outbox, type UnclosedFiles } from './inotify-examiner.ts'
import {
  type Directory,
  decodeEvents,
  getPath,
  IN,
  type InotifyEvent,
  WatchedDirectories,
} from './inotify-watches.ts'
import type { TreeRequest } from './tree-watcher.ts'
import { UnwatchedParts } from './unwatched-parts.ts'

/** Longest wait of the thread: it notices only between waits that its process exits. */
const LONGEST_WAIT_MS = 1_000
/**
 * Pause after a read that brought only further events of a writer at work: otherwise each of its write(2) calls would
 * wake this thread. The kernel merges equal events meanwhile.
 */
const REST_MS = 10
/** Pause after any other read: waking up for each event of a burst costs several times more than the event. */
const GATHER_MS = 1
const EVENTS_BYTES = 64 * 1024

/** Time for examinations between two reads of events: the kernel's queue fills up quickly in a burst. */
const LOOK_FOR_MS = 4
/**
 * Limit of files that wait for this; beyond it the kernel queues, and if its queue overflows, the tree is opened
 * again.
 */
const MAX_PENDING_EVENTS = 65_536

/** Shortest interval between reports of open files. */
const OPEN_EVERY_MS = 250
/** Deleted paths are collected for this long: a program that replaces a file makes it again soon. */
const GONE_AFTER_MS = 1_000
/** Limit of deleted paths in one message; beyond it the whole tree is compared. */
const MOST_GONE = 10_000
/** Limit of renames whose second event has not come. */
const MOST_MOVING = 1_024

/**
 * The body of the thread that watches by inotify(7) until it receives `stop`. It never returns to its event loop: it
 * sleeps in poll(2) on the inotify descriptors and on an eventfd that the main thread writes to, so an event needs no
 * detour through the event loop and no thread of the pool. A file system that hangs blocks only this thread.
 */
export function runInotifyThread(port: MessagePort): void {
  raisePriority()
  const thread = new InotifyThread((message) => port.postMessage(message))
  const receive = (): ToThread | undefined => receiveMessageOnPort(port)?.message
  thread.run(receive)
  port.close()
}

class InotifyThread {
  readonly #post: (message: FromThread) => void
  readonly #wake = openWake()
  readonly #trees = new Map<number, WatchedTree>()
  readonly #buffer = Buffer.alloc(EVENTS_BYTES)
  #restUntil = 0

  constructor(post: (message: FromThread) => void) {
    this.#post = post
  }

  run(receive: () => ToThread | undefined): void {
    this.#post({ type: 'started', wake: this.#wake })
    const wakeBytes = Buffer.alloc(8)
    for (;;) {
      for (let message = receive(); message !== undefined; message = receive()) {
        if (message.type === 'stop') {
          for (const tree of this.#trees.values()) tree.close()
          return
        }
        this.#take(message)
      }
      const trees = [...this.#trees.values()]
      for (const tree of trees) tree.rest()
      const mayRead = performance.now() >= this.#restUntil
      const watched = trees.filter(({ hasRoom }) => mayRead && hasRoom).map(({ fd }) => fd)
      const hasWork = trees.some((tree) => tree.hasWork)
      const ready = waitReadable([this.#wake, ...watched], hasWork ? 0 : this.#waitMs(trees))
      if (ready.includes(this.#wake)) readNow(this.#wake, wakeBytes)
      this.#work(new Set(ready))
    }
  }

  #waitMs(trees: readonly WatchedTree[]): number {
    const rest = this.#restUntil > performance.now() ? this.#restUntil : Number.POSITIVE_INFINITY
    const until = Math.min(rest, ...trees.map(({ nextDue }) => nextDue))
    // Rounded up: poll(2) takes whole milliseconds, and a wait that is too short would cause a busy loop.
    return Math.max(0, Math.min(LONGEST_WAIT_MS, Math.ceil(until - performance.now())))
  }

  #work(ready: ReadonlySet<number>): void {
    let restMs: number | null = null
    for (const [id, tree] of this.#trees) {
      this.#attempt(id, () => {
        if (ready.has(tree.fd)) restMs = tree.readEvents(this.#buffer) ? GATHER_MS : (restMs ?? REST_MS)
        tree.work()
      })
    }
    if (restMs !== null) this.#restUntil = performance.now() + restMs
  }

  #take(message: Exclude<ToThread, { type: 'stop' }>): void {
    const { tree: id } = message
    // Only the requester closes a tree, and it expects no reply.
    if (message.type === 'close') this.#close(id)
    else if (message.type !== 'open') this.#attempt(id, () => this.#trees.get(id)?.take(message))
    else
      this.#attempt(id, () => {
        // Throws EMFILE at the limit of instances.
        const tree = new WatchedTree(message.request, (what) => this.#post({ tree: id, ...what }))
        this.#trees.set(id, tree)
        tree.open()
      })
  }

  /** Runs a step of a tree; an error of the system ends the tree. */
  #attempt(id: number, step: () => void): void {
    try {
      step()
    } catch (error) {
      const code = errorCode(error)
      if (code === null) throw error
      this.#close(id)
      this.#post({ type: 'ended', tree: id, code })
    }
  }

  #close(id: number): void {
    this.#trees.get(id)?.close()
    this.#trees.delete(id)
  }
}

/** A tree that the main thread requested. An error that it throws ends it. */
class WatchedTree {
  readonly #post: (message: FromTree) => void
  readonly #outbox: Outbox
  readonly #directories: WatchedDirectories
  readonly #examiner: Examiner
  /**
   * Files named by events and not examined yet, by directory, since most events of a burst are in the same one. A file
   * that is created, written and closed in the meantime is examined once.
   */
  readonly #pending = new Map<Directory, Map<string, Occasion>>()
  #pendingFiles = 0
  /** Earliest time of the next report of open files, as a time of performance.now(). */
  #openDue = 0
  /** Open files below names that were renamed away, by the cookie of the rename. */
  readonly #moving = new Map<number, UnclosedFiles>()
  readonly #gone: GonePaths
  readonly #parts: UnwatchedParts
  /** The first look at the directories without a watch. */
  readonly #settling: ReturnType<UnwatchedParts['settle']>
  /** Every directory has its watch, or is one of those without. Until then listed files are ignored: the comparison with the ledger follows. */
  #isReady = false

  constructor(request: TreeRequest, post: (message: FromTree) => void) {
    const filter = createNameFilter(request.names)
    const problem = (unsendable: Unsendable) => post({ type: 'unsendable', unsendable })
    this.#post = post
    this.#gone = new GonePaths(filter)
    this.#outbox = new Outbox((files) => post({ type: 'files', ...files }))
    this.#examiner = new Examiner({
      root: request.root,
      filter,
      outbox: this.#outbox,
      mark: (path) => post({ type: 'mark', path }),
      problem,
    })
    this.#directories = new WatchedDirectories({
      request,
      filter,
      file: (path) => {
        if (this.#isReady) this.#examiner.found(path, 'moved')
      },
      problem,
    })
    const isLeftOut = (path: string) => this.#directories.isLeftOut(path)
    this.#parts = new UnwatchedParts({ root: request.root, filter, isLeftOut })
    this.#settling = this.#parts.settle()
  }

  get fd(): number {
    return this.#directories.fd
  }

  /** Begins to watch. Throws the system's error if the tree's own directory cannot be watched. */
  open(): void {
    this.#directories.open()
  }

  close(): void {
    this.#examiner.rest()
    this.#settling.return()
    this.#parts.close()
    this.#directories.close()
  }

  take(message: ToTree): void {
    switch (message.type) {
      case 'examine':
        for (const path of message.paths) {
          // Retry a directory that could not be watched before.
          this.#directories.reach(splitPath(path)[0])
          this.#examiner.listed(path)
        }
        this.#outbox.flush()
        this.#post({ type: 'examined' })
        return
      case 'leave-out':
        this.#directories.leaveOut(message.directories)
        for (const path of message.directories) this.#parts.forget(path)
        return
      case 'retry':
        this.#directories.retry()
        return
      case 'taken':
        this.#outbox.taken()
        return
      default:
        message satisfies never
    }
  }

  /** True if files or listings are left to work on now. */
  get hasWork(): boolean {
    return this.#outbox.hasRoom && (this.#pendingFiles > 0 || !this.#directories.isListed || !this.#isReady)
  }

  /** True if events may be read. */
  get hasRoom(): boolean {
    return this.#pendingFiles < MAX_PENDING_EVENTS
  }

  /** When there is something to do, as a time of performance.now(); infinite if there is nothing. */
  get nextDue(): number {
    // Without room no further files are examined, until the main thread acknowledges a message.
    const due = this.#outbox.hasRoom ? this.#examiner.nextDue : Number.POSITIVE_INFINITY
    const openDue = this.#examiner.isOpenNews ? this.#openDue : Number.POSITIVE_INFINITY
    return Math.min(due, openDue, this.#gone.nextDue, this.#parts.nextDue, this.#outbox.nextFlush)
  }

  /**
   * Called before the thread may sleep: sends the batch, as nothing else would end the wait, and closes the open
   * directory.
   */
  rest(): void {
    this.#outbox.flushWhenTaken()
    this.#examiner.rest()
  }

  /** Reads and handles the kernel's events. True if any of them is more than a further write to a known file. */
  readEvents(buffer: Buffer): boolean {
    const bytes = readNow(this.fd, buffer)
    let hasNews = false
    for (const event of decodeEvents(buffer.subarray(0, bytes))) {
      // Every probe of a directory causes events for Holdfast's own files: these must not wake anything, now or later.
      if (event.name !== null && isOwnName(event.name)) continue
      if ((event.mask & (IN.MODIFY | IN.ATTRIB)) !== 0) hasNews = this.#changed(event) || hasNews
      else {
        hasNews ||= (event.mask & IN.DELETE) === 0
        this.#handle(event)
      }
    }
    return hasNews
  }

  /** Does a bounded part of the work. */
  work(): void {
    this.#directories.list(() => this.#outbox.hasRoom)
    this.#lookAtUnwatched()
    this.#examinePending()
    this.#examiner.lookAgain()
    this.#outbox.flushWhenTaken()
    if (this.#gone.nextDue <= performance.now()) this.#post({ type: 'gone', paths: this.#gone.take() })
    if (!this.#examiner.isOpenNews || performance.now() < this.#openDue) return
    this.#openDue = performance.now() + OPEN_EVERY_MS
    this.#post({ type: 'writing', open: this.#examiner.openFiles() })
  }

  #lookAtUnwatched(): void {
    const unwatched = this.#directories.takeUnwatched()
    if (unwatched !== null) {
      this.#parts.set(unwatched)
      this.#post({ type: 'unwatched', count: unwatched.length })
    }
    if (this.#isReady) {
      this.#parts.work()
      const directories = this.#parts.take()
      if (directories.length > 0) this.#post({ type: 'changed', directories })
    } else if (this.#directories.isListed) {
      const until = performance.now() + LOOK_FOR_MS
      while (!this.#isReady && performance.now() < until) this.#isReady = this.#settling.next().done === true
      if (this.#isReady) this.#post({ type: 'ready' })
    }
  }

  #examinePending(): void {
    const until = performance.now() + LOOK_FOR_MS
    for (const [directory, names] of this.#pending) {
      const parent = getPath(directory)
      for (const [name, by] of names) {
        if (!this.#outbox.hasRoom || performance.now() >= until) return
        names.delete(name)
        this.#pendingFiles -= 1
        this.#examiner.found(joinRelative(parent, name), by)
      }
      this.#pending.delete(directory)
    }
  }

  /** Handles a change of a file's content or attributes. True if it was not known. */
  #changed({ wd, mask, name }: InotifyEvent): boolean {
    const directory = this.#directories.find(wd)
    if (directory === undefined || name === null || name === '') return false
    const path = joinRelative(getPath(directory), name)
    if ((mask & IN.MODIFY) !== 0) this.#examiner.written(path)
    const change = this.#examiner.changed(path)
    // There may be no later event, as for attributes: queue the file here if the examiner has no room.
    if (change === 'full') this.#queue(directory, name, 'changed')
    return change !== 'known'
  }

  /** Handles an event, and queues its file if that must be examined. */
  #handle({ wd, mask, cookie, name }: InotifyEvent): void {
    // The lost events are unknown, so the tree is opened again.
    if ((mask & IN.Q_OVERFLOW) !== 0) throw createReopenError()
    // The new directory may just have been renamed itself, so that its watch is not known.
    if ((mask & IN.MOVED_TO) !== 0) this.#gone.arrived(cookie)
    const directory = this.#directories.find(wd)
    if (directory === undefined) return
    if ((mask & (IN.IGNORED | IN.UNMOUNT | IN.DELETE_SELF | IN.MOVE_SELF)) !== 0) {
      this.#watchEnded(directory, mask)
      return
    }
    if (name === null) {
      const path = joinRelative(getPath(directory), '\uFFFD')
      this.#post({ type: 'unsendable', unsendable: { why: 'name', path } })
      return
    }
    const path = joinRelative(getPath(directory), name)
    this.#followWriters(path, mask, cookie)
    this.#gone.left(path, mask, cookie)
    if ((mask & IN.ISDIR) === 0) {
      if ((mask & (IN.CLOSE_WRITE | IN.MOVED_TO)) !== 0) this.#queue(directory, name, 'closed')
      else if ((mask & IN.CREATE) !== 0) this.#queue(directory, name, 'created')
      return
    }
    if (directory === this.#directories.root) this.#post({ type: 'entries-changed' })
    if ((mask & (IN.MOVED_FROM | IN.DELETE)) !== 0) this.#directories.left(directory, name)
    else this.#directories.found(directory, name)
  }

  /** Tracks which files have yet to be closed, also across renames. */
  #followWriters(path: string, mask: number, cookie: number): void {
    const examiner = this.#examiner
    if ((mask & IN.MOVED_FROM) !== 0) {
      // The second event of a rename follows at once; it is missing if the target is outside the tree.
      if (this.#moving.size >= MOST_MOVING) this.#moving.clear()
      const files = examiner.left(path)
      if (files.length > 0) this.#moving.set(cookie, files)
    } else if ((mask & IN.MOVED_TO) !== 0) {
      examiner.arrived(path, this.#moving.get(cookie) ?? [])
      this.#moving.delete(cookie)
    } else if ((mask & IN.ISDIR) === 0) {
      if ((mask & IN.CLOSE_WRITE) !== 0) examiner.closed(path)
      else if ((mask & IN.CREATE) !== 0) examiner.created(path)
    }
  }

  /** Handles the end of a watch: its directory was deleted, moved or unmounted. */
  #watchEnded(directory: Directory, mask: number): void {
    const { parent, name } = directory
    if (parent === null) throw createReopenError()
    // The events of the parents cover a rename: MOVED_FROM, MOVED_TO.
    if ((mask & IN.MOVE_SELF) !== 0) return
    this.#directories.drop(directory)
    // An unmount uncovers a directory that has not been listed.
    if ((mask & IN.UNMOUNT) !== 0) this.#directories.found(parent, name)
  }

  #queue(directory: Directory, name: string, by: Occasion): void {
    let names = this.#pending.get(directory)
    if (names === undefined) {
      names = new Map()
      this.#pending.set(directory, names)
    }
    const before = names.get(name)
    if (before === undefined) this.#pendingFiles += 1
    if (by === 'closed' || before === undefined) names.set(name, by)
  }
}

/**
 * Collects paths that were deleted, or moved away without an event of their new name: a rename inside the tree is no
 * deletion, and the comparison with the ledger finds its files under their new names.
 */
class GonePaths {
  readonly #filter: NameFilter
  readonly #deleted = new Set<string>()
  /** Paths that were moved away, by the cookie of the rename. */
  readonly #moved = new Map<number, string>()
  #isFull = false
  /** When `take` is due, as a time of performance.now(); infinite if there is none. */
  nextDue = Number.POSITIVE_INFINITY

  constructor(filter: NameFilter) {
    this.#filter = filter
  }

  /** Records that a path got a new name inside the tree. */
  arrived(cookie: number): void {
    this.#moved.delete(cookie)
  }

  /** Records the event of a path, if it left its directory. */
  left(path: string, mask: number, cookie: number): void {
    if ((mask & (IN.DELETE | IN.MOVED_FROM)) === 0 || this.#isFull) return
    const isDirectory = (mask & IN.ISDIR) !== 0
    const leftOut = isDirectory ? this.#filter.directory(path) : this.#filter.file(path)
    if (leftOut !== null) return
    if ((mask & IN.DELETE) !== 0) this.#deleted.add(path)
    else this.#moved.set(cookie, path)
    if (this.nextDue === Number.POSITIVE_INFINITY) this.nextDue = performance.now() + GONE_AFTER_MS
    this.#isFull = this.#deleted.size + this.#moved.size > MOST_GONE
  }

  /** Returns the collected paths, and forgets them; null: they were too many. */
  take(): string[] | null {
    const paths = this.#isFull ? null : [...this.#deleted, ...this.#moved.values()]
    this.#deleted.clear()
    this.#moved.clear()
    this.#isFull = false
    this.nextDue = Number.POSITIVE_INFINITY
    return paths
  }
}

/** Builds an error with the code of a directory that is gone, so that the tree is opened again. */
function createReopenError(): Error {
  return Object.assign(new Error('the tree is to be opened anew'), { code: 'ENOENT' })
}
