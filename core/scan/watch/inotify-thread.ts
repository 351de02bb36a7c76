import type { MessagePort } from 'node:worker_threads'
import { receiveMessageOnPort } from 'node:worker_threads'
import { joinRelative } from '../facts.ts'
import type { Unsendable } from '../walk.ts'
import { isGone } from '../walk.ts'
import type { InotifyEvent } from './inotify-events.ts'
import { decodeEvents } from './inotify-events.ts'
import type { Sight } from './inotify-examiner.ts'
import { Examiner } from './inotify-examiner.ts'
import { Listing } from './inotify-listing.ts'
import type { FromThread, ToThread } from './inotify-messages.ts'
import { Outbox } from './inotify-outbox.ts'
import { Pace } from './inotify-pace.ts'
import type { Directory, Tree } from './inotify-tree.ts'
import { createTree, pathOf } from './inotify-tree.ts'
import { Watches } from './inotify-watches.ts'
import { closeDescriptor, IN, openInotify, openWake, readNow, waitReadable } from './linux.ts'

/** The thread looks up at least this often, so that a process that exits need not wake it. */
const LONGEST_WAIT_MS = 1_000
/** How often directories without a watch are listed. */
const POLL_EVERY_MS = 3_000
const EVENTS_BYTES = 64 * 1024
const DIRECTORIES_A_POLL = 256

/**
 * The body of the thread that watches by inotify(7) until it is told to stop. It never returns to its event
 * loop: it sleeps in poll(2) on the inotify descriptor and on an eventfd that the main thread writes to, so
 * an event costs no hop and no thread of the pool. A file system that hangs blocks this thread alone.
 */
export function runInotifyThread(port: MessagePort): void {
  const thread = new InotifyThread((message) => port.postMessage(message))
  const receive = (): ToThread | undefined => receiveMessageOnPort(port)?.message
  thread.run(receive)
  port.close()
}

class InotifyThread {
  readonly #post: (message: FromThread) => void
  readonly #inotify = openInotify()
  readonly #wake = openWake()
  readonly #watches = new Watches(this.#inotify)
  readonly #trees = new Map<number, Tree>()
  readonly #outbox: Outbox
  readonly #listing: Listing
  readonly #examiner: Examiner
  readonly #buffer = Buffer.alloc(EVENTS_BYTES)
  readonly #pace = new Pace()
  #pollAt = 0

  constructor(post: (message: FromThread) => void) {
    this.#post = post
    this.#outbox = new Outbox(post)
    this.#examiner = new Examiner({
      outbox: this.#outbox,
      post,
      problem: (tree, unsendable) => this.#problem(tree, unsendable),
    })
    this.#listing = new Listing({
      directory: (parent, name, again) => this.#foundDirectory(parent, name, again),
      file: ({ tree }, path) => this.#examiner.found({ tree, path, by: 'listed' }),
      unreadable: (directory, code) =>
        this.#problem(directory.tree, { why: 'directory', path: pathOf(directory), code }),
      complete: (directory, names) => this.#dropVanished(directory, names),
      done: (directory) => this.#listed(directory.tree),
    })
  }

  run(receive: () => ToThread | undefined): void {
    this.#post({ type: 'started', wake: this.#wake })
    const wakeBytes = Buffer.alloc(8)
    for (;;) {
      for (let message = receive(); message !== undefined; message = receive()) {
        if (message.type === 'stop') {
          this.#close()
          return
        }
        this.#take(message)
      }
      const room = this.#outbox.hasRoom
      const work = room && !(this.#listing.isEmpty && !this.#examiner.hasRequests)
      const gatherMs = room ? this.#pace.waitMs(performance.now()) : 0
      const inotify = room && gatherMs === 0 ? this.#inotify : -1
      const [events, woken] = waitReadable([inotify, this.#wake], work ? 0 : this.#waitMs(gatherMs))
      if (woken) readNow(this.#wake, wakeBytes)
      if (events) this.#readEvents()
      if (work) {
        this.#listing.slice(() => this.#outbox.hasRoom)
        this.#examiner.work()
      }
      this.#examiner.lookAgain()
      if (Date.now() >= this.#pollAt) this.#pollUnwatched()
      this.#outbox.flushWhenTaken()
    }
  }

  #waitMs(gatherMs: number): number {
    if (gatherMs > 0) return gatherMs
    // Without room nothing new is looked at: the main thread wakes this one when it has taken something.
    const againDue = this.#outbox.hasRoom ? this.#examiner.dueAgain() : null
    const until = Math.min(this.#pollAt, againDue ?? Number.POSITIVE_INFINITY)
    return Math.max(0, Math.min(LONGEST_WAIT_MS, until - Date.now()))
  }

  #take(message: Exclude<ToThread, { type: 'stop' }>): void {
    if (message.type === 'taken') {
      this.#outbox.taken()
      return
    }
    if (message.type === 'open') {
      this.#open(message.tree, message.request)
      return
    }
    const tree = this.#trees.get(message.tree)
    if (tree === undefined) {
      const { type, tree: id } = message
      if (type === 'examine') this.#post({ type: 'examined', tree: id, request: message.request })
      return
    }
    switch (message.type) {
      case 'close':
        this.#closeTree(tree)
        return
      case 'examine':
        this.#examiner.ask(tree, message.request, message.paths)
        return
      case 'refresh':
        this.#relist(tree)
        return
      case 'polled':
        tree.polling = false
        return
      default:
        message satisfies never
    }
  }

  #open(id: number, request: Tree['request']): void {
    const tree = createTree(id, request)
    this.#trees.set(id, tree)
    const error = this.#watches.add(tree.root)
    if (error !== null && error !== 'ENOSPC') {
      this.#trees.delete(id)
      this.#post({ type: 'refused', tree: id, code: error })
      return
    }
    this.#listing.add({ directory: tree.root, files: false, again: false })
  }

  #closeTree(tree: Tree): void {
    this.#trees.delete(tree.id)
    this.#listing.forget(tree)
    this.#outbox.forget(tree.id)
    this.#examiner.forget(tree)
    this.#watches.dropTree(tree)
  }

  #readEvents(): void {
    const bytes = readNow(this.#inotify, this.#buffer)
    this.#pace.read(performance.now())
    const files = new Map<string, Sight>()
    for (const event of decodeEvents(this.#buffer.subarray(0, bytes))) {
      const file = this.#handle(event)
      if (file === null) continue
      const key = `${file.tree.id}/${file.path}`
      const before = files.get(key)
      files.set(key, before?.by === 'closed' ? before : file)
    }
    // Only now: a file that was created, written and closed in one read is looked at once.
    for (const file of files.values()) this.#examiner.found(file)
  }

  /** Returns the file that the event is about, if it is to be looked at. */
  #handle({ wd, mask, name }: InotifyEvent): Sight | null {
    if ((mask & IN.Q_OVERFLOW) !== 0) {
      for (const tree of this.#trees.values()) this.#eventsLost(tree)
      return null
    }
    const directory = this.#watches.find(wd)
    if (directory === undefined) return null
    if ((mask & (IN.IGNORED | IN.UNMOUNT | IN.DELETE_SELF | IN.MOVE_SELF)) !== 0) {
      this.#ended(directory, mask)
      return null
    }
    const { tree } = directory
    if (name === null) {
      this.#problem(tree, { why: 'name', path: joinRelative(pathOf(directory), '\uFFFD') })
      return null
    }
    if ((mask & IN.ISDIR) === 0) {
      if ((mask & (IN.CLOSE_WRITE | IN.MOVED_TO | IN.CREATE)) === 0) return null
      const by = (mask & (IN.CLOSE_WRITE | IN.MOVED_TO)) !== 0 ? 'closed' : 'created'
      return { tree, path: joinRelative(pathOf(directory), name), by }
    }
    if (directory === tree.root) this.#post({ type: 'entries-changed', tree: tree.id })
    if ((mask & (IN.MOVED_FROM | IN.DELETE)) !== 0) {
      const left = directory.children.get(name)
      if (left !== undefined) this.#watches.drop(left)
    } else this.#foundDirectory(directory, name, false)
    return null
  }

  #ended(directory: Directory, mask: number): void {
    const { tree, parent } = directory
    if (directory === tree.root) {
      if ((mask & IN.IGNORED) !== 0) this.#watches.forgetNumber(directory.wd)
      this.#post({ type: 'gone', tree: tree.id })
      return
    }
    // A rename has told its parents already: MOVED_FROM, MOVED_TO.
    if ((mask & IN.MOVE_SELF) !== 0) return
    this.#watches.drop(directory)
    // What an unmount uncovers is a directory that nobody has listed.
    if ((mask & IN.UNMOUNT) !== 0 && parent !== null) this.#foundDirectory(parent, directory.name, false)
  }

  /** Watch first, list second: what comes between the two is seen twice rather than never. */
  #foundDirectory(parent: Directory, name: string, again: boolean): void {
    const { tree } = parent
    if (!tree.request.recursive) return
    const known = parent.children.get(name)
    const directory = known ?? { tree, parent, name, wd: -1, children: new Map() }
    if (known === undefined && tree.filter.directory(pathOf(directory)) !== null) return
    const before = directory.wd
    const error = this.#watches.add(directory)
    if (error !== null && error !== 'ENOSPC') {
      this.#watches.drop(directory)
      if (!isGone(error)) this.#problem(tree, { why: 'directory', path: pathOf(directory), code: error })
      return
    }
    parent.children.set(name, directory)
    const replaced = before !== -1 && directory.wd !== before
    if (replaced) for (const child of [...directory.children.values()]) this.#watches.drop(child)
    const unknown = known === undefined || replaced
    // Until the tree is ready its files are left to the comparison with the ledger, which comes then.
    if (unknown || again) this.#listing.add({ directory, files: unknown && tree.stage === 'ready', again })
  }

  /** Directories that went while events were lost. */
  #dropVanished(directory: Directory, names: ReadonlySet<string>): void {
    for (const [name, child] of [...directory.children]) {
      // One that came after the listing had passed its place is there still.
      if (names.has(name) || !isGone(this.#watches.add(child))) continue
      this.#watches.drop(child)
    }
  }

  #listed(tree: Tree): void {
    tree.listing -= 1
    if (tree.listing > 0) return
    if (tree.unwatched.size !== tree.toldUnwatched) {
      tree.toldUnwatched = tree.unwatched.size
      this.#post({ type: 'unwatched', tree: tree.id, count: tree.unwatched.size })
    }
    if (tree.stage === 'initial') {
      tree.stage = 'ready'
      // The comparison that follows finds whatever was lost until now.
      tree.lost = false
      this.#post({ type: 'ready', tree: tree.id })
    } else if (tree.lost) {
      tree.lost = false
      this.#post({ type: 'lost', tree: tree.id })
    }
  }

  #eventsLost(tree: Tree): void {
    tree.lost = true
    this.#post({ type: 'entries-changed', tree: tree.id })
    this.#relist(tree)
  }

  /** Goes through the whole tree for directories without a watch. */
  #relist(tree: Tree): void {
    const unlisted = this.#listing.forget(tree)
    this.#listing.add({ directory: tree.root, files: false, again: true })
    for (const directory of unlisted) this.#listing.add({ directory, files: true, again: true })
  }

  /** Directories that the limit left out: tries their watch again, and has them listed. */
  #pollUnwatched(): void {
    this.#pollAt = Date.now() + POLL_EVERY_MS
    for (const tree of this.#trees.values()) {
      if (tree.unwatched.size === 0 || tree.polling || tree.stage !== 'ready') continue
      const polled: string[] = []
      for (const directory of [...tree.unwatched].slice(0, DIRECTORIES_A_POLL)) {
        // To the end of the line, so that the next poll has others.
        tree.unwatched.delete(directory)
        if (isGone(this.#watches.add(directory))) {
          this.#watches.drop(directory)
          continue
        }
        polled.push(pathOf(directory))
        this.#listing.add({ directory, files: false, again: false })
      }
      tree.polling = true
      this.#post({ type: 'poll', tree: tree.id, directories: polled })
    }
  }

  #problem(tree: Tree, unsendable: Unsendable): void {
    this.#post({ type: 'unsendable', tree: tree.id, unsendable })
  }

  #close(): void {
    this.#listing.close()
    for (const tree of this.#trees.values()) this.#watches.dropTree(tree)
    closeDescriptor(this.#inotify)
  }
}
