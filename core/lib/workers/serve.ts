import { randomFill } from 'node:crypto'
import { logDroppedErrors } from '../../dropped-errors.ts'
import { toSentence } from '../i18n/user-error.ts'
import {
  type FromWorker,
  type LogLevel,
  toWorkerSchema,
  type WorkerConfig,
  type WorkerDefinition,
  type WorkerReport,
} from './definition.ts'
import { collectStart, endNow } from './process.ts'

/** Interval of a worker's heartbeat; the supervisor's timeout is a multiple of it. */
export const ALIVE_EVERY_MS = 5_000

/** Heartbeats through which a short task waits for a thread of the pool, after which the worker requests more. */
const CROWDED_WAITS = 2

/** The channel between a worker and its supervisor: structured messages, in order, in both directions. */
export interface WorkerPort {
  post(message: unknown): void
  listen(listener: (message: unknown) => void): void
  /** Called once when the supervisor has exited: a worker must not outlive it. */
  onClose(listener: () => void): void
  /** Called when a worker in the process of its supervisor has stopped; omitted: it has a process, which it ends. */
  ended?(): void
}

export interface WorkerContext<D extends WorkerDefinition> {
  report(report: WorkerReport<D>): void
  /** Notifies the supervisor that there is work for the workers that depend on this one. */
  nudge(): void
  /** Requests a process with more threads: calls wait for a thread of the pool. */
  crowded(): void
  log(level: LogLevel, message: string): void
}

export interface WorkerHandlers<D extends WorkerDefinition> {
  /**
   * Called for each configuration, including the first; calls never overlap. If it rejects, the newest configuration is
   * retried: a requirement may be missing for a while, such as the data's disk at startup.
   */
  configure(config: WorkerConfig<D>): Promise<void>
  nudge?(): void
  requests: {
    [N in keyof D['requests']]: (input: never) => Promise<unknown>
  }
  /** Ends quickly, even if calls are blocked in the kernel; the process exits right after it. */
  stop(): Promise<void>
}

/** Delays before a failed configuration is retried; doubled each time. */
const RETRY_FIRST_MS = 250
const RETRY_LONGEST_MS = 5_000

/** A worker that was asked to stop is ended after this time. */
const STOP_WITHIN_MS = 2_000

/** Runs a worker on a port until it is asked to stop, with a short grace period, or its supervisor has exited. */
export function serveWorker<D extends WorkerDefinition>(
  port: WorkerPort,
  definition: D,
  start: (context: WorkerContext<D>) => WorkerHandlers<D>,
): void {
  const post = (message: FromWorker) => port.post(message)
  let isCrowded = false
  const context: WorkerContext<D> = {
    report: (report) => post({ type: 'report', report }),
    nudge: () => post({ type: 'nudge' }),
    crowded: () => {
      if (!isCrowded) post({ type: 'crowded' })
      isCrowded = true
    },
    log: (level, message) => post({ type: 'log', level, message }),
  }
  const isAlone = port.ended === undefined
  if (isAlone) logDroppedErrors(context.log)
  const handlers = start(context)
  const countWaits = watchPool()
  const alive = setInterval(() => {
    post({ type: 'alive' })
    // Deferred until finished tasks are taken in: after a long turn of work a timer comes first.
    if (isAlone) setImmediate(() => countWaits() < CROWDED_WAITS || context.crowded())
  }, ALIVE_EVERY_MS)
  const end = () => {
    clearInterval(alive)
    port.ended?.()
    if (!isAlone) return
    post({ type: 'stopped' })
    setImmediate(endNow)
  }
  const configuring = new Configuring(handlers, context.log, end, isAlone)

  const answer = async (id: number, name: string, input: unknown) => {
    try {
      const request = definition.requests[name]
      const handler = (handlers.requests as Record<string, (input: unknown) => Promise<unknown>>)[name]
      if (request === undefined || handler === undefined) throw new Error(`no request ${name}`)
      const output = await handler(request.input.parse(input))
      post({ type: 'response', id, output })
    } catch (error) {
      post({ type: 'failure', id, sentence: toSentence(error) })
    }
  }

  port.listen((raw) => {
    const received = toWorkerSchema.parse(raw)
    switch (received.type) {
      case 'configure':
        configuring.queue(definition.config.parse(received.config) as WorkerConfig<D>)
        return
      case 'request':
        // Deferred, so that a request right after the first configuration finds it started.
        void Promise.resolve().then(() => answer(received.id, received.name, received.input))
        return
      case 'nudge':
        handlers.nudge?.()
        return
      case 'stop':
        configuring.stop()
        return
      default:
        received satisfies never
    }
  })
  // The supervisor was killed, and a new one may start its own workers at any moment. Workers need no cleanup, because
  // they survive a power failure as well.
  port.onClose(endNow)
  post({ type: 'ready', pid: process.pid })
  if (isAlone) collectStart()
}

/** Returns a function that gives libuv's pool a short task, and counts the calls through which the last one has waited. */
function watchPool(): () => number {
  let isWaiting = false
  let waits = 0
  return () => {
    waits = isWaiting ? waits + 1 : 0
    if (isWaiting) return waits
    isWaiting = true
    // libuv starts tasks in order, and this one touches no disk.
    randomFill(Buffer.alloc(1), () => {
      isWaiting = false
    })
    return waits
  }
}

/** Applies a worker's configurations in order, and stops it. */
class Configuring<D extends WorkerDefinition> {
  readonly #handlers: WorkerHandlers<D>
  readonly #log: WorkerContext<D>['log']
  readonly #end: () => void
  readonly #isHasty: boolean
  #configuring = Promise.resolve()
  #retry: NodeJS.Timeout | undefined
  #lastFailure: string | null = null
  #isStopping = false

  /** @param isHasty false: the process goes on, so stopping may take its time. */
  constructor(handlers: WorkerHandlers<D>, log: WorkerContext<D>['log'], end: () => void, isHasty: boolean) {
    this.#handlers = handlers
    this.#log = log
    this.#end = end
    this.#isHasty = isHasty
  }

  queue(config: WorkerConfig<D>, pauseMs = RETRY_FIRST_MS): void {
    this.#configuring = this.#configuring.then(() => this.#apply(config, pauseMs))
  }

  stop(): void {
    if (this.#isStopping) return
    this.#isStopping = true
    clearTimeout(this.#retry)
    if (this.#isHasty) setTimeout(this.#end, STOP_WITHIN_MS)
    // Deferred, so that messages received just before are handled first.
    setImmediate(() => this.#handlers.stop().finally(this.#end))
  }

  async #apply(config: WorkerConfig<D>, pauseMs: number): Promise<void> {
    clearTimeout(this.#retry)
    try {
      await this.#handlers.configure(config)
      this.#lastFailure = null
    } catch (error) {
      const failure = String(error)
      if (failure !== this.#lastFailure) this.#log('error', `configure: ${failure}`)
      this.#lastFailure = failure
      const nextMs = Math.min(RETRY_LONGEST_MS, pauseMs * 2)
      if (!this.#isStopping) this.#retry = setTimeout(() => this.queue(config, nextMs), pauseMs)
    }
  }
}

/** Returns the port of a worker that was started with fork() of node:child_process. */
export function childProcessPort(): WorkerPort {
  if (process.send === undefined) throw new Error('This file is started by Holdfast itself, not by hand.')
  return {
    post: (message) => {
      // Errors are ignored: the supervisor may just have exited.
      if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
    },
    listen: (listener) => process.on('message', listener),
    onClose: (listener) => process.once('disconnect', listener),
  }
}
