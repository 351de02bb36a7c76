import { LATE, withTimeout } from '../../lib/async/timing.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import {
  fromWorkerSchema,
  type LogLevel,
  type RequestInput,
  type RequestName,
  type RequestOutput,
  type ToWorker,
  type WorkerConfig,
  type WorkerDefinition,
  type WorkerReport,
} from '../../lib/workers/definition.ts'
import { ALIVE_EVERY_MS } from '../../lib/workers/serve.ts'
import { readMainThreadTime } from '../../platform/process-limits.ts'
import type { StartedName, WorkerState } from '../state/schema.ts'
import { ANY_CALLS, FIRST_THREADS } from './pool-threads.ts'
import type { WorkerHandle, WorkerStarter } from './starter.ts'

/** Timeout of a request in milliseconds. */
const REQUEST_WITHIN_MS = 15_000
/** A worker without a sign of life for this long is replaced, unless its main thread works. */
export const REPLACE_AFTER_MS = 4 * ALIVE_EVERY_MS
/** A silent worker that uses its processor is replaced after this time: no turn of work is as long, so it is in a loop. */
export const REPLACE_BUSY_AFTER_MS = 5 * 60_000
/**
 * After a gap this long between two checks, this process itself was stopped (Ctrl-Z, a blocked loop), and the
 * worker's messages are still unread.
 */
const STOOD_STILL_MS = 2 * ALIVE_EVERY_MS
/** Delay before a worker that nothing needs any more stops. A person who goes on sends the next request sooner. */
export const RESTS_AFTER_MS = 60_000
/** A process that has stopped exits in this time, or calls that hang keep it: it is abandoned. */
const EXIT_WITHIN_MS = 100
const FIRST_DELAY_MS = 200
/** A worker that fails constantly is started thirty times an hour. */
const LONGEST_DELAY_MS = 120_000
/** A worker that ran this long counts as healthy: its next end starts with the first delay again. */
const WELL_AFTER_MS = 10 * 60_000

export interface SupervisionEvents<D extends WorkerDefinition> {
  /** Returns a figure of work that outlives the process, which grows with it; missing: no progress is known. */
  progress?(report: WorkerReport<D>): number
  report(report: WorkerReport<D>): void
  nudge(): void
  log(level: LogLevel, message: string): void
  condition(state: WorkerState): void
}

/**
 * Keeps one worker process running: starts it, sends it the newest configuration after every start, detects when it
 * ends or no longer responds, and replaces it with growing delays. A process that survives being killed (stuck in the
 * kernel) is abandoned. A worker that nothing needs rests: its process starts with a request, and stops a minute after
 * the last one.
 */
export class SupervisedWorker<D extends WorkerDefinition> {
  readonly #definition: D
  readonly #starter: WorkerStarter<D['name']>
  readonly #events: SupervisionEvents<D>
  #handle: WorkerHandle | null = null
  #config: WorkerConfig<D> | null = null
  #state: WorkerState = { condition: 'off', restarts: 0, since: Date.now(), pid: null }
  /** Consecutive ends. */
  #failures = 0
  #startedAt = 0
  /** The last figure of SupervisionEvents.progress. */
  #progress = Number.POSITIVE_INFINITY
  /** The figure has grown since the process started. */
  #hasProgressed = false
  /** The process runs, or is about to. */
  #wanted = false
  #isNeeded = false
  /** Calls that may hang at a time; ANY_CALLS: the threads of a process' pool were all occupied. */
  #calls = 0
  #restTimer: NodeJS.Timeout | null = null
  #restartTimer: NodeJS.Timeout | null = null
  readonly #watchdog = new Watchdog(
    (forMs) => this.#silent(forMs),
    () => readMainThreadTime(this.#handle?.pid() ?? 0),
  )
  /** Requests that await a response, by their numbers. */
  readonly #requests = new Map<number, PromiseWithResolvers<unknown>>()
  #lastRequest = 0
  #ending: Promise<void> | null = null
  /** Shortens the wait for the exit of a process that has stopped. */
  #stopped: () => void = () => undefined

  constructor(definition: D, starter: WorkerStarter<D['name']>, events: SupervisionEvents<D>) {
    this.#definition = definition
    this.#starter = starter
    this.#events = events
  }

  get state(): WorkerState {
    return this.#state
  }

  /**
   * Starts the worker if it is needed and not running. It gets this configuration now and after every restart.
   * @param isNeeded false: the worker may rest.
   * @param calls so many may hang at a time, for which the next process has threads.
   */
  configure(config: WorkerConfig<D>, isNeeded = true, calls = 0): void {
    this.#config = config
    this.#calls = Math.max(this.#calls, calls)
    this.#isNeeded = isNeeded
    // A process that is about to start gets it as well.
    if (this.#wanted && this.#ending === null) this.#post({ type: 'configure', config })
    else if (isNeeded) this.#run()
    if (isNeeded) this.#cancelRest()
    else if (this.#restTimer === null) this.#restLater()
  }

  /** Replaces a running worker by a new process with the same configuration. */
  restart(): void {
    if (!this.#wanted) return
    void this.rest()
    this.#run()
    this.#restLater()
  }

  /**
   * Sets the configuration of the next process without sending it to the running one, which already has these facts.
   */
  prepare(config: WorkerConfig<D>): void {
    if (this.#wanted) this.#config = config
  }

  /**
   * Signals that there may be work. A nudge to a stopped worker is lost, which is fine: it looks for work when it
   * starts.
   */
  nudge(): void {
    this.#post({ type: 'nudge' })
  }

  async request<N extends RequestName<D>>(name: N, input: RequestInput<D, N>): Promise<RequestOutput<D, N>> {
    const definition = this.#definition.requests[name]
    const worker = this.#definition.name
    if (!this.#wanted && this.#config !== null) this.#run()
    this.#restLater()
    // The next process is about to start.
    if (this.#wanted && this.#ending !== null) await this.#ending
    if (this.#handle === null || definition === undefined) throw new UserError('agent.workerAway', { worker })
    this.#lastRequest += 1
    const id = this.#lastRequest
    const response = Promise.withResolvers<unknown>()
    this.#requests.set(id, response)
    try {
      this.#post({ type: 'request', id, name, input })
      const output = await withTimeout(REQUEST_WITHIN_MS, response.promise)
      if (output === LATE) throw new UserError('agent.workerSilent', { worker })
      return definition.output.parse(output) as RequestOutput<D, N>
    } finally {
      this.#requests.delete(id)
    }
  }

  /** Stops the worker until it is configured again. After the timeout its process is killed and abandoned. */
  stop(withinMs = 3_000): Promise<void> {
    this.#config = null
    this.#calls = 0
    return this.rest(withinMs)
  }

  /** Stops the process until the next request, or until the worker is configured as needed. */
  rest(withinMs = 3_000): Promise<void> {
    this.#wanted = false
    this.#cancelRest()
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer)
    this.#watchdog.stop()
    this.#restartTimer = null
    this.#ending ??= this.#end(withinMs).finally(() => {
      this.#ending = null
      // The worker was wanted again meanwhile.
      if (this.#wanted) this.#start()
    })
    return this.#ending
  }

  #run(): void {
    this.#wanted = true
    this.#watchdog.start()
    // Only one process at a time: a stopping one is awaited.
    if (this.#ending === null) this.#start()
  }

  #cancelRest(): void {
    if (this.#restTimer !== null) clearTimeout(this.#restTimer)
    this.#restTimer = null
  }

  /** Lets a worker that is not needed rest after a while without requests. */
  #restLater(): void {
    this.#cancelRest()
    if (!this.#wanted || this.#isNeeded) return
    this.#restTimer = setTimeout(() => {
      if (this.#requests.size > 0) this.#restLater()
      else void this.rest()
    }, RESTS_AFTER_MS)
    this.#restTimer.unref()
  }

  async #end(withinMs: number): Promise<void> {
    const handle = this.#handle
    if (handle === null) {
      this.#setCondition('off')
      return
    }
    await new Promise<void>((resolve) => {
      let timer = setTimeout(() => {
        handle.kill()
        resolve()
      }, withinMs)
      this.#stopped = () => {
        clearTimeout(timer)
        timer = setTimeout(resolve, EXIT_WITHIN_MS)
      }
      handle.onExit(() => {
        clearTimeout(timer)
        resolve()
      })
      this.#post({ type: 'stop' })
    })
    this.#drop(handle)
    if (!this.#wanted) this.#setCondition('off')
  }

  #start(): void {
    this.#restartTimer = null
    this.#startedAt = performance.now()
    this.#hasProgressed = false
    this.#watchdog.alive()
    const handle = this.#starter.start(this.#definition.name, this.#calls)
    this.#handle = handle
    handle.onMessage((message) => {
      if (handle === this.#handle) this.#receive(message)
    })
    handle.onExit((reason) => {
      // After a requested stop, the stop itself starts the next process.
      if (handle !== this.#handle || this.#ending !== null) return
      if (this.#wanted) this.#events.log('warn', `${this.#definition.name} ended: ${reason}`)
      this.#drop(handle)
      this.#scheduleRestart()
    })
    this.#setCondition('starting')
    this.#post({ type: 'configure', config: this.#config })
  }

  #receive(raw: unknown): void {
    const parsed = fromWorkerSchema.safeParse(raw)
    if (!parsed.success) {
      this.#events.log('error', `${this.#definition.name} said something unknown: ${parsed.error.message}`)
      return
    }
    const received = parsed.data
    switch (received.type) {
      case 'ready':
      case 'alive':
        this.#watchdog.alive()
        this.#setCondition('running')
        return
      case 'report': {
        const report = this.#definition.report.safeParse(received.report)
        if (report.success) this.#pass(report.data as WorkerReport<D>)
        else this.#events.log('error', `${this.#definition.name}: bad report: ${report.error.message}`)
        return
      }
      case 'response':
        this.#requests.get(received.id)?.resolve(received.output)
        return
      case 'failure': {
        const { key, params } = received.sentence
        this.#requests.get(received.id)?.reject(new UserError(key, params))
        return
      }
      case 'nudge':
        this.#events.nudge()
        return
      case 'stopped':
        this.#stopped()
        return
      case 'crowded':
        this.#widen()
        return
      case 'log':
        this.#events.log(received.level, `${this.#definition.name}: ${received.message}`)
        return
      default:
        received satisfies never
    }
  }

  /** An error in handling one report must not end the checks, the alerts and all other work. */
  #pass(report: WorkerReport<D>): void {
    try {
      const progress = this.#events.progress?.(report) ?? 0
      this.#hasProgressed ||= progress > this.#progress
      this.#progress = progress
      this.#events.report(report)
    } catch (error) {
      this.#events.log(
        'error',
        `${this.#definition.name}: its report could not be taken in: ${String(error)}`,
      )
    }
  }

  /** Replaces the process once by one with more threads, which all later ones have. */
  #widen(): void {
    const { name } = this.#definition
    if (
      this.#calls === ANY_CALLS ||
      this.#ending !== null ||
      FIRST_THREADS[name as StartedName] === undefined
    )
      return
    this.#calls = ANY_CALLS
    this.#events.log('warn', `${name}: calls wait for its threads; a process with more replaces it`)
    this.restart()
  }

  #silent(forMs: number): void {
    const handle = this.#handle
    if (handle === null || this.#ending !== null) return
    this.#events.log('error', `${this.#definition.name} has not answered for ${Math.round(forMs)} ms`)
    handle.kill()
    this.#drop(handle)
    this.#scheduleRestart()
  }

  #scheduleRestart(): void {
    if (!this.#wanted) return
    const ranMs = performance.now() - this.#startedAt
    const { failures, delayMs, isHopeless } = decideRestart(this.#failures, ranMs, this.#hasProgressed)
    this.#failures = failures
    this.#setCondition(isHopeless ? 'failed' : 'restarting', this.#state.restarts + 1)
    this.#restartTimer = setTimeout(() => this.#start(), delayMs)
  }

  #drop(handle: WorkerHandle): void {
    if (handle !== this.#handle) return
    this.#handle = null
    const error = new UserError('agent.workerAway', { worker: this.#definition.name })
    for (const { reject } of this.#requests.values()) reject(error)
  }

  #post(message: ToWorker): void {
    this.#handle?.post(message)
  }

  #setCondition(condition: WorkerState['condition'], restarts = this.#state.restarts): void {
    const pid = this.#handle?.pid() ?? null
    if (condition === this.#state.condition && restarts === this.#state.restarts && pid === this.#state.pid)
      return
    const since = condition === this.#state.condition ? this.#state.since : Date.now()
    this.#state = { condition, restarts, since, pid }
    this.#events.condition(this.#state)
  }
}

/**
 * Returns the delay before restarting a worker that ended after `ranMs`, following `failures` consecutive ends. A worker
 * that progressed waits no longer than it ran, so that its work goes on. isHopeless: so many ends lead to the longest
 * delay. Restarts continue, but the worker counts as failed.
 */
export function decideRestart(failures: number, ranMs: number, hasProgressed = false) {
  const before = ranMs > WELL_AFTER_MS ? 0 : failures
  const grownMs = Math.min(FIRST_DELAY_MS * 2 ** before, LONGEST_DELAY_MS)
  const delayMs = hasProgressed ? Math.min(grownMs, Math.max(FIRST_DELAY_MS, ranMs)) : grownMs
  return { failures: before + 1, delayMs, isHopeless: grownMs === LONGEST_DELAY_MS }
}

/**
 * Detects a worker that has been silent for too long. A long turn of work sends no sign of life, but uses processor time;
 * a call that hangs uses none. This needs no thread in each worker that answers for it.
 */
class Watchdog {
  readonly #silent: (forMs: number) => void
  /** Returns the worker's processor time; null: unknown. */
  readonly #readTime: () => number | null
  #aliveAt = 0
  #workedAt = 0
  #time: number | null = null
  #checkedAt = 0
  #timer: NodeJS.Timeout | null = null

  constructor(silent: (forMs: number) => void, readTime: () => number | null) {
    this.#silent = silent
    this.#readTime = readTime
  }

  start(): void {
    this.#checkedAt = performance.now()
    this.#timer = setInterval(() => this.#check(), ALIVE_EVERY_MS)
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Called when the worker has started or sent a message. */
  alive(): void {
    this.#aliveAt = performance.now()
  }

  #check(): void {
    const now = performance.now()
    if (now - this.#checkedAt > STOOD_STILL_MS) this.#aliveAt = now
    this.#checkedAt = now
    const time = this.#readTime()
    if (time !== null && this.#time !== null && time > this.#time) this.#workedAt = now
    this.#time = time
    const silentMs = now - this.#aliveAt
    const idleMs = now - Math.max(this.#aliveAt, this.#workedAt)
    if (idleMs > REPLACE_AFTER_MS || silentMs > REPLACE_BUSY_AFTER_MS) this.#silent(silentMs)
  }
}
