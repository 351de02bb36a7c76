import { type ChildProcess, fork } from 'node:child_process'
import type { Answer, Job, Request } from './protocol.ts'

/** Threads of one prober's libuv pool: each job that hangs holds one. */
const THREADS = 1024

/** A job and who waits for its answers. */
export interface Errand {
  job: Job
  answered: (answer: Answer) => void
  sinceMs: number
}

/** One process, with what it was given. Times are monotonic milliseconds. */
export interface Prober {
  child: ChildProcess
  startedMs: number
  usedMs: number
  /** Jobs that are out, by id: each holds one of its threads. */
  jobs: Map<number, Errand>
  /** Quick reads that are out, by id: all of them share a few threads. */
  quick: Map<number, Errand>
  /** Ids of the paths that it knows. */
  learned: Set<number>
  /** What is to be said at this moment, sent together; null: nothing. */
  unsent: Request | null
}

/** @param module is the prober's own script. */
export function startProber(
  module: string,
  events: { message(said: unknown): void; ended(reason: string): void },
): Prober {
  const child = fork(module, {
    // Within Electron its own program is the only Node there is: without this it would open a second window.
    env: { ...process.env, UV_THREADPOOL_SIZE: String(THREADS), ELECTRON_RUN_AS_NODE: '1' },
    // Not the checker's own words for its heap: they would cost a read a fifth more.
    execArgv: [],
    // It holds none of the front's pipes: stuck in the kernel it would keep them open for whoever reads them.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  child.on('message', events.message)
  child.once('exit', (code, signal) => events.ended(signal ?? `exit code ${code}`))
  child.once('error', (error) => events.ended(error.message))
  const now = performance.now()
  return {
    child,
    startedMs: now,
    usedMs: now,
    jobs: new Map(),
    quick: new Map(),
    learned: new Set(),
    unsent: null,
  }
}

/** Ends it without waiting: one that is stuck in the kernel cannot even be killed. */
export function abandonProber({ child }: Prober): void {
  child.removeAllListeners()
  // A late error of a process that is of no interest any more must not become an exception.
  child.on('error', () => undefined)
  child.kill('SIGKILL')
  if (child.connected) child.disconnect()
  child.unref()
}

export function send(prober: Prober, errand: Errand): void {
  prober.jobs.set(errand.job.id, errand)
  requestTo(prober).jobs.push(errand.job)
}

export function sendQuick(prober: Prober, errand: Errand): void {
  const { id, path } = errand.job
  const request = requestTo(prober)
  if (!prober.learned.has(id)) request.learn.push({ id, path })
  prober.learned.add(id)
  prober.quick.set(id, errand)
  request.quick.push(id)
}

/** What goes to a prober at the end of this moment. */
export function requestTo(prober: Prober): Request {
  prober.usedMs = performance.now()
  if (prober.unsent === null) {
    prober.unsent = { jobs: [], learn: [], quick: [], forget: [] }
    setImmediate(() => flush(prober))
  }
  return prober.unsent
}

function flush(prober: Prober): void {
  const request = prober.unsent
  prober.unsent = null
  // The callback keeps a message to a process that has just ended from becoming an 'error' event.
  if (request !== null && prober.child.connected) prober.child.send(request, () => undefined)
}
