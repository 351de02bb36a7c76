import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { raisePriority } from '../lib/workers/priority.ts'
import { errorCode } from '../platform/system-error.ts'
import type { FromThread, ToThread } from './inotify.ts'
import { WatchedTree } from './inotify-tree.ts'
import { openWake, readNow, waitReadable } from './linux.ts'

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
