import type { MessagePort } from 'node:worker_threads'
import { receiveMessageOnPort } from 'node:worker_threads'
import { errorCode } from '../../files/system-error.ts'
import { isOwnName } from '../../filter/names.ts'
import { goBeforeOthers } from '../priority.ts'
import { joinRelative } from '../tree/facts.ts'
import type { Unsendable } from '../tree/walk.ts'
import type { FromThread, ToThread } from './inotify.ts'
import { Discovery } from './inotify-discovery.ts'
import type { Occasion } from './inotify-examiner.ts'
import { Examiner } from './inotify-examiner.ts'
import { Outbox } from './inotify-outbox.ts'
import { createTree, type Directory, pathOf, type Tree, Watches } from './inotify-tree.ts'
import { decodeEvents, IN, type InotifyEvent, openWake, readNow, waitReadable } from './linux.ts'

/** The thread looks up at least this often: only then does it notice that its process exits. */
const LONGEST_WAIT_MS = 1_000
/**
 * Events are left in the queue for so long after a read that brought nothing but more of what a writer writes:
 * otherwise each of its write(2) calls would wake this thread. The kernel merges equal ones meanwhile.
 */
const REST_MS = 10
/** And for so long after any other read: a wake-up for each event of a burst costs several times what the event does. */
const GATHER_MS = 1
const EVENTS_BYTES = 64 * 1024
/** Files that events told of are looked at for so long between two reads: the kernel's queue is soon full in a burst. */
const LOOK_FOR_MS = 4
/** Of such files so many may wait; then the kernel queues, and what it drops the next comparison finds. */
const MOST_TOLD = 65_536

/**
 * The body of the thread that watches by inotify(7) until it is told to stop. It never returns to its event
 * loop: it sleeps in poll(2) on the inotify descriptor and on an eventfd that the main thread writes to, so
 * an event costs no hop and no thread of the pool. A file system that hangs blocks this thread alone.
 */
export function runInotifyThread(port: MessagePort): void {
  goBeforeOthers()
  const thread = new InotifyThread((message) => port.postMessage(message))
  const receive = (): ToThread | undefined => receiveMessageOnPort(port)?.message
  thread.run(receive)
  port.close()
}

/** What events told of files, by directory: a burst is mostly of one, whose path is put together once. */
type Told = Map<Directory, Map<string, Occasion>>

class InotifyThread {
  readonly #post: (message: FromThread) => void
  readonly #wake = openWake()
  readonly #trees = new Map<number, Tree>()
  readonly #outbox: Outbox
  readonly #discovery: Discovery
  readonly #examiner: Examiner
  readonly #buffer = Buffer.alloc(EVENTS_BYTES)
  /** Not looked at yet: a file that is created, written and closed meanwhile is looked at once. */
  readonly #told: Told = new Map()
  #toldFiles = 0
  #restUntil = 0

  constructor(post: (message: FromThread) => void) {
    this.#post = post
    this.#outbox = new Outbox(post)
    this.#examiner = new Examiner({
      outbox: this.#outbox,
      post,
      problem: (tree, unsendable) => this.#problem(tree, unsendable),
    })
    this.#discovery = new Discovery({
      post,
      file: ({ tree, wd }, path) => this.#examiner.found({ tree, path, by: 'listed', watch: wd }),
      problem: (tree, unsendable) => this.#problem(tree, unsendable),
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
      // Before the wait, which nothing else would end: the main thread may have told just now that it is free.
      this.#outbox.flushWhenTaken()
      this.#examiner.rest()
      const room = this.#outbox.hasRoom
      const work = room && (this.#toldFiles > 0 || !this.#discovery.isIdle || this.#examiner.hasRequests)
      const reads = this.#toldFiles < MOST_TOLD && performance.now() >= this.#restUntil
      const trees = reads ? [...this.#trees.values()] : []
      const watched = trees.map(({ watches }) => watches.fd)
      const ready = waitReadable([this.#wake, ...watched], work ? 0 : this.#waitMs())
      if (ready.includes(this.#wake)) readNow(this.#wake, wakeBytes)
      const told = trees.filter(({ watches }) => ready.includes(watches.fd))
      // Events first: what they tell of needs no second look when its new directory is listed.
      if (told.length > 0) this.#readEvents(told)
      if (this.#toldFiles > 0) this.#lookAtTold()
      if (told.length === 0 && work) {
        this.#discovery.work(() => this.#outbox.hasRoom)
        this.#examiner.work()
      }
      this.#examiner.lookAgain()
      this.#outbox.flushWhenTaken()
    }
  }

  #waitMs(): number {
    // Without room nothing new is looked at: the main thread wakes this one when it has taken something.
    const due = this.#outbox.hasRoom ? this.#examiner.nextDue : Number.POSITIVE_INFINITY
    const rest = this.#restUntil > performance.now() ? this.#restUntil : Number.POSITIVE_INFINITY
    const until = Math.min(due, rest, this.#outbox.nextFlush)
    // Whole, as poll(2) takes it, and not too short: what is left would be waited for in a busy loop.
    return Math.max(0, Math.min(LONGEST_WAIT_MS, Math.ceil(until - performance.now())))
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
    // Closed by whoever asks, and by nobody else: no answer is waited for.
    if (tree === undefined) return
    switch (message.type) {
      case 'close':
        this.#closeTree(tree)
        return
      case 'examine':
        this.#examiner.ask(tree, message.paths)
        return
      case 'refresh':
        this.#discovery.relist(tree)
        return
      case 'leave-out':
        this.#discovery.leaveOut(tree, message.directories)
        return
      default:
        message satisfies never
    }
  }

  #open(id: number, request: Tree['request']): void {
    let code: string | null
    try {
      const tree = createTree(id, request, new Watches())
      this.#trees.set(id, tree)
      code = this.#discovery.open(tree)
      if (code === null) return
      this.#closeTree(tree)
    } catch (thrown) {
      // EMFILE: the limit of instances.
      code = errorCode(thrown)
      if (code === null) throw thrown
    }
    this.#post({ type: 'refused', tree: id, code })
  }

  #closeTree(tree: Tree): void {
    this.#trees.delete(tree.id)
    this.#outbox.forget(tree.id)
    this.#examiner.forget(tree)
    this.#discovery.forget(tree)
    for (const [directory, names] of this.#told) {
      if (directory.tree !== tree) continue
      this.#told.delete(directory)
      this.#toldFiles -= names.size
    }
    tree.watches.close()
  }

  #readEvents(trees: readonly Tree[]): void {
    let news = false
    for (const tree of trees) {
      const bytes = readNow(tree.watches.fd, this.#buffer)
      for (const event of decodeEvents(this.#buffer.subarray(0, bytes))) {
        // Each check of a directory brings some: nothing is woken up for them, now or later.
        if (event.name !== null && isOwnName(event.name)) continue
        if ((event.mask & IN.MODIFY) !== 0) news = this.#modified(tree, event) || news
        else {
          news = true
          this.#handle(tree, event)
        }
      }
    }
    this.#restUntil = performance.now() + (news ? GATHER_MS : REST_MS)
  }

  #lookAtTold(): void {
    const until = performance.now() + LOOK_FOR_MS
    for (const [directory, names] of this.#told) {
      const { tree, wd: watch } = directory
      const parent = pathOf(directory)
      for (const [name, by] of names) {
        if (!this.#outbox.hasRoom || performance.now() >= until) return
        names.delete(name)
        this.#toldFiles -= 1
        this.#examiner.found({ tree, path: joinRelative(parent, name), by, watch })
      }
      this.#told.delete(directory)
    }
  }

  /** Whether it is the first that is heard of it. */
  #modified(tree: Tree, { wd, name }: InotifyEvent): boolean {
    const directory = tree.watches.find(wd)
    if (directory === undefined || name === null) return false
    const path = joinRelative(pathOf(directory), name)
    return this.#examiner.modified(tree, path, wd)
  }

  /** Does what the event asks for, and remembers the file that it is about, if that is to be looked at. */
  #handle(tree: Tree, { wd, mask, name }: InotifyEvent): void {
    if ((mask & IN.Q_OVERFLOW) !== 0) {
      this.#discovery.eventsLost(tree)
      return
    }
    const directory = tree.watches.find(wd)
    if (directory === undefined) return
    if ((mask & (IN.IGNORED | IN.UNMOUNT | IN.DELETE_SELF | IN.MOVE_SELF)) !== 0) {
      this.#discovery.ended(directory, mask)
      return
    }
    if (name === null) {
      this.#problem(tree, { why: 'name', path: joinRelative(pathOf(directory), '\uFFFD') })
      return
    }
    if ((mask & IN.ISDIR) === 0) {
      if ((mask & (IN.CLOSE_WRITE | IN.MOVED_TO | IN.CREATE)) !== 0) this.#tell(directory, name, mask)
      return
    }
    if (directory === tree.root) this.#post({ type: 'entries-changed', tree: tree.id })
    if ((mask & (IN.MOVED_FROM | IN.DELETE)) !== 0) {
      const left = directory.children.get(name)
      if (left !== undefined) tree.watches.drop(left)
    } else this.#discovery.found(directory, name, false)
  }

  #tell(directory: Directory, name: string, mask: number): void {
    let names = this.#told.get(directory)
    if (names === undefined) {
      names = new Map()
      this.#told.set(directory, names)
    }
    const before = names.get(name)
    if (before === undefined) this.#toldFiles += 1
    if ((mask & (IN.CLOSE_WRITE | IN.MOVED_TO)) !== 0) names.set(name, 'closed')
    else if (before === undefined) names.set(name, 'created')
  }

  #problem(tree: Tree, unsendable: Unsendable): void {
    this.#post({ type: 'unsendable', tree: tree.id, unsendable })
  }

  #close(): void {
    this.#discovery.close()
    for (const tree of this.#trees.values()) tree.watches.close()
  }
}
