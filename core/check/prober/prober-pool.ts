import { type ChildProcess, fork } from 'node:child_process'
import { type Answer, answersSchema, type Job } from './protocol.ts'

/** Threads of one prober's libuv pool: each job that hangs holds one. */
const THREADS = 1024
/** A prober with this many jobs out gets no more; some threads stay free for the jobs' further calls. */
const MOST_JOBS = 960
/** Pause before a prober that ended is replaced, in milliseconds. */
const RESTART_AFTER_MS = 100

export interface ProberPool {
  /** `answered` is called for each answer to this job, unless the pool is closed first. */
  run(job: Omit<Job, 'id'>, answered: (answer: Answer) => void): void
  /** Ends the probers without waiting for them: one that is stuck in the kernel cannot even be killed. */
  close(): void
}

interface Prober {
  child: ChildProcess
  /** Jobs that are out, by id. */
  jobs: Map<number, Errand>
  /** Jobs of this moment, sent together. */
  unsent: Job[]
}

interface Errand {
  job: Job
  answered: (answer: Answer) => void
}

/**
 * Runs jobs in processes of their own: one as long as its threads suffice, one more for each thousand paths
 * that hang. A prober that ends is replaced, and its jobs are run anew.
 *
 * @param module is the prober's own script.
 */
export function createProberPool(module: string, ended: (reason: string) => void): ProberPool {
  const probers = new Set<Prober>()
  const restarts = new Set<NodeJS.Timeout>()
  let lastId = 0
  let isClosed = false

  const start = (): Prober => {
    const child = fork(module, {
      env: { ...process.env, UV_THREADPOOL_SIZE: String(THREADS) },
      // It holds none of the front's pipes: stuck in the kernel it would keep them open for whoever reads them.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    const prober: Prober = { child, jobs: new Map(), unsent: [] }
    probers.add(prober)
    child.on('message', (message) => take(prober, message))
    child.once('exit', (code, signal) => replace(prober, signal ?? `exit code ${code}`))
    child.once('error', (error) => replace(prober, error.message))
    return prober
  }

  const take = (prober: Prober, message: unknown) => {
    for (const answer of answersSchema.parse(message)) {
      const errand = prober.jobs.get(answer.id)
      if (answer.did !== 'step') prober.jobs.delete(answer.id)
      errand?.answered(answer)
    }
    if (prober.jobs.size === 0 && probers.size > 1) dismiss(prober)
  }

  const dismiss = ({ child }: Prober) => {
    child.removeAllListeners()
    // A late error of a process that is of no interest any more must not become an exception.
    child.on('error', () => undefined)
    child.kill('SIGKILL')
    if (child.connected) child.disconnect()
    child.unref()
    for (const prober of probers) if (prober.child === child) probers.delete(prober)
  }

  const replace = (prober: Prober, reason: string) => {
    if (isClosed || !probers.delete(prober)) return
    ended(reason)
    const timer = setTimeout(() => {
      restarts.delete(timer)
      for (const errand of prober.jobs.values()) send(errand)
    }, RESTART_AFTER_MS)
    restarts.add(timer)
  }

  const send = (errand: Errand) => {
    const prober = [...probers].find(({ jobs }) => jobs.size < MOST_JOBS) ?? start()
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
      send({ job: { ...job, id: lastId }, answered })
    },
    close: () => {
      isClosed = true
      for (const timer of restarts) clearTimeout(timer)
      for (const prober of [...probers]) dismiss(prober)
    },
  }
}
