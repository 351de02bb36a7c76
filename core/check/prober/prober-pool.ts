import { afterRead, isSteady, type Steadiness, unknownSteadiness } from '../lanes/steadiness.ts'
import {
  abandonProber,
  type Errand,
  type Prober,
  requestTo,
  send,
  sendQuick,
  startProber,
} from './prober-process.ts'
import { type Answer, type Job, resultSchema } from './protocol.ts'

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

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never

export interface ProberPool {
  /** `answered` is called for each answer to this job, unless the pool is closed first. */
  run(job: WithoutId<Job>, answered: (answer: Answer) => void): void
  /** This path is not read again and again any more. */
  forget(path: string): void
  /** Ends the probers without waiting for them: one that is stuck in the kernel cannot even be killed. */
  close(): void
}

/** A path that is read again and again. */
interface KnownPath {
  id: number
  steadiness: Steadiness
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
  const known = new Map<string, KnownPath>()
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
    const prober = startProber(module, {
      message: (said) => take(prober, said),
      ended: (reason) => replace(prober, reason),
    })
    probers.add(prober)
    return prober
  }

  const take = (prober: Prober, message: unknown) => {
    prober.usedMs = performance.now()
    const { answers, wells } = resultSchema.parse(message)
    for (let index = 0; index + 1 < wells.length; index += 2) {
      const [id = 0, delayMs = 0] = [wells[index], wells[index + 1]]
      const errand = prober.quick.get(id)
      prober.quick.delete(id)
      if (errand === undefined) continue
      finish(errand, true, { id, did: 'read', delayMs, failure: null, isBuffered: false })
    }
    for (const answer of answers) takeAnswer(prober, answer)
    if (answers.length === 0) return
    drain()
    dismissIdle()
  }

  const takeAnswer = (prober: Prober, answer: Answer) => {
    const quick = prober.quick.get(answer.id)
    const errand = quick ?? prober.jobs.get(answer.id)
    if (answer.did === 'step' || answer.did === 'progress') return errand?.answered(answer)
    prober.jobs.delete(answer.id)
    prober.quick.delete(answer.id)
    if (errand === undefined) return
    if (answer.did === 'withdrawn') again(errand)
    else finish(errand, quick !== undefined, answer)
  }

  const finish = (errand: Errand, wasQuick: boolean, answer: Answer) => {
    const path = answer.did === 'read' ? known.get(errand.job.path) : undefined
    if (path !== undefined && answer.did === 'read') {
      path.steadiness = afterRead(path.steadiness, wasQuick, answer.delayMs)
    }
    errand.answered(answer)
  }

  /** Runs it once more, in a thread of its own. */
  const again = (errand: Errand) => {
    const path = known.get(errand.job.path)
    if (path !== undefined) path.steadiness = { ...path.steadiness, owed: 1 }
    waiting.push(errand)
  }

  const dismissIdle = () => {
    const now = performance.now()
    for (const prober of probers) {
      const hasOtherRoom = [...probers].some((other) => other !== prober && other.jobs.size < MOST_JOBS / 2)
      const isIdle = prober.jobs.size === 0 && prober.learned.size === 0
      if (isIdle && now - prober.usedMs > IDLE_MS && hasOtherRoom) dismiss(prober)
    }
  }

  const dismiss = (prober: Prober) => {
    probers.delete(prober)
    abandonProber(prober)
  }

  const replace = (prober: Prober, reason: string) => {
    if (isClosed || !probers.delete(prober)) return
    ended(reason)
    after(RESTART_AFTER_MS, () => {
      for (const errand of [...prober.jobs.values(), ...prober.quick.values()]) again(errand)
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

  const knownPath = (path: string): KnownPath => {
    const before = known.get(path)
    if (before !== undefined) return before
    lastId += 1
    const added = { id: lastId, steadiness: unknownSteadiness }
    known.set(path, added)
    return added
  }

  const run: ProberPool['run'] = (job, answered) => {
    if (isClosed) return
    const sinceMs = performance.now()
    if (job.does === 'read') {
      const { id, steadiness } = knownPath(job.path)
      const errand = { job: { ...job, id }, answered, sinceMs }
      // The first prober has the lanes: one set of them serves any number of paths.
      const [first] = probers
      if (isSteady(steadiness) && first !== undefined) return sendQuick(first, errand)
      waiting.push(errand)
    } else {
      lastId += 1
      waiting.push({ job: { ...job, id: lastId }, answered, sinceMs })
    }
    drain()
  }

  return {
    run,
    forget: (path) => {
      const id = known.get(path)?.id
      known.delete(path)
      if (id === undefined) return
      for (const prober of probers) if (prober.learned.delete(id)) requestTo(prober).forget.push(id)
    },
    close: () => {
      isClosed = true
      for (const timer of timers) clearTimeout(timer)
      for (const prober of [...probers]) dismiss(prober)
    },
  }
}
