import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { goBeforeOthers } from '../lib/workers/priority.ts'
import { errorCode } from '../platform/system-error.ts'
import type { FromThread, ToThread } from './inotify.ts'
import { WatchedTree } from './inotify-tree.ts'
import { openWake, readNow, waitReadable } from './linux.ts'

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

/**
 * The body of the thread that watches by inotify(7) until it is told to stop. It never returns to its event
 * loop: it sleeps in poll(2) on the inotify descriptors and on an eventfd that the main thread writes to, so
 * an event costs no hop and no thread of the pool. A file system that hangs blocks this thread alone.
 */
export function runInotifyThread(port: MessagePort): void {
  goBeforeOthers()
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
    // Whole, as poll(2) takes it, and not too short: what is left would be waited for in a busy loop.
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
    // Closed by whoever asks, and by nobody else: no answer is waited for.
    if (message.type === 'close') this.#close(id)
    else if (message.type !== 'open') this.#attempt(id, () => this.#trees.get(id)?.take(message))
    else
      this.#attempt(id, () => {
        // EMFILE: the limit of instances.
        const tree = new WatchedTree(message.request, (what) => this.#post({ tree: id, ...what }))
        this.#trees.set(id, tree)
        tree.open()
      })
  }

  /** A tree that the system refuses something has ended. */
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
