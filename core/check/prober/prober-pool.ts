import { type ChildProcess, fork } from 'node:child_process'
import { type Answer, answersSchema, type Job } from './protocol.ts'

/** Threads of one prober's libuv pool: each job that hangs holds one. */
const THREADS = 1024
/** A prober with this many jobs out gets no more; some threads stay free for the jobs' further calls. */
const MOST_JOBS = 960
/** A job that has waited this long, in milliseconds, waits behind jobs that hang: one more prober is started. */
const PATIENCE_MS = 500
/** A prober is not judged by its first moments, in which it only starts. */
const STARTING_MS = 2_000
/** Pause before a prober that ended is replaced, in milliseconds. */
const RESTART_AFTER_MS = 100
/** A further prober that has had nothing to do for this long, in milliseconds, is ended. */
const IDLE_MS = 60_000

export interface ProberPool {
  /** `answered` is called for each answer to this job, unless the pool is closed first. */
  run(job: Omit<Job, 'id'>, answered: (answer: Answer) => void): void
  /** Ends the probers without waiting for them: one that is stuck in the kernel cannot even be killed. */
  close(): void
}

interface Prober {
  child: ChildProcess
  startedMs: number
  usedMs: number
  /** Jobs that are out, by id. */
  jobs: Map<number, Errand>
  /** Jobs of this moment, sent together. */
  unsent: Job[]
}

interface Errand {
  job: Job
  answered: (answer: Answer) => void
  sinceMs: number
}

/**
 * Runs jobs in processes of their own: one as long as its threads suffice, one more for each thousand paths
 * that hang. A prober that ends is replaced, and its jobs are run anew.
 *
 * @param module is the prober's own script.
 */
export function createProberPool(module: string, ended: (reason: string) => void): ProberPool {
  const probers = new Set<Prober>()
  /** Jobs for which no prober has a thread left; as many as there are paths, at most. */
  const waiting: Errand[] = []
  const timers = new Set<NodeJS.Timeout>()
  let lastId = 0
  let isClosed = false
  let isWatching = false

  const after = (ms: number, run: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      run()
    }, ms)
    timers.add(timer)
  }

  const start = (): Prober => {
    const child = fork(module, {
      env: { ...process.env, UV_THREADPOOL_SIZE: String(THREADS) },
      // It holds none of the front's pipes: stuck in the kernel it would keep them open for whoever reads them.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    const now = performance.now()
    const prober: Prober = { child, startedMs: now, usedMs: now, jobs: new Map(), unsent: [] }
    probers.add(prober)
    child.on('message', (message) => take(prober, message))
    child.once('exit', (code, signal) => replace(prober, signal ?? `exit code ${code}`))
    child.once('error', (error) => replace(prober, error.message))
    return prober
  }

  const take = (prober: Prober, message: unknown) => {
    prober.usedMs = performance.now()
    for (const answer of answersSchema.parse(message)) {
      const errand = prober.jobs.get(answer.id)
      if (answer.did !== 'step') prober.jobs.delete(answer.id)
      errand?.answered(answer)
    }
    drain()
    dismissIdle()
  }

  const dismissIdle = () => {
    const now = performance.now()
    for (const prober of probers) {
      const hasOtherRoom = [...probers].some((other) => other !== prober && other.jobs.size < MOST_JOBS / 2)
      if (prober.jobs.size === 0 && now - prober.usedMs > IDLE_MS && hasOtherRoom) dismiss(prober)
    }
  }

  const dismiss = (prober: Prober) => {
    const { child } = prober
    probers.delete(prober)
    child.removeAllListeners()
    // A late error of a process that is of no interest any more must not become an exception.
    child.on('error', () => undefined)
    child.kill('SIGKILL')
    if (child.connected) child.disconnect()
    child.unref()
  }

  const replace = (prober: Prober, reason: string) => {
    if (isClosed || !probers.delete(prober)) return
    ended(reason)
    after(RESTART_AFTER_MS, () => {
      waiting.push(...prober.jobs.values())
      drain()
    })
  }

  /** Hands waiting jobs to probers with room; if there is none for long, to a new one. */
  const drain = () => {
    while (waiting.length > 0) {
      const prober =
        [...probers].find(({ jobs }) => jobs.size < MOST_JOBS) ?? (isNewWanted() ? start() : null)
      if (prober === null) return watch()
      for (const errand of waiting.splice(0, MOST_JOBS - prober.jobs.size)) send(prober, errand)
    }
  }

  const isNewWanted = (): boolean => {
    const now = performance.now()
    if (probers.size === 0) return true
    const isStarting = [...probers].some(({ startedMs }) => now - startedMs < STARTING_MS)
    return !isStarting && now - (waiting[0]?.sinceMs ?? now) >= PATIENCE_MS
  }

  const watch = () => {
    if (isWatching) return
    isWatching = true
    after(PATIENCE_MS / 2, () => {
      isWatching = false
      drain()
    })
  }

  const send = (prober: Prober, errand: Errand) => {
    prober.usedMs = performance.now()
    prober.jobs.set(errand.job.id, errand)
    if (prober.unsent.length === 0) setImmediate(() => flush(prober))
    prober.unsent.push(errand.job)
  }

  const flush = (prober: Prober) => {
    const jobs = prober.unsent
    prober.unsent = []
    // The callback keeps a message to a process that has just ended from becoming an 'error' event.
    if (prober.child.connected) prober.child.send(jobs, () => undefined)
  }

  return {
    run: (job, answered) => {
      if (isClosed) return
      lastId += 1
      waiting.push({ job: { ...job, id: lastId }, answered, sinceMs: performance.now() })
      drain()
    },
    close: () => {
      isClosed = true
      for (const timer of timers) clearTimeout(timer)
      for (const prober of [...probers]) dismiss(prober)
    },
  }
}
