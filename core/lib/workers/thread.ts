import { type MessagePort, Worker } from 'node:worker_threads'
import { logDroppedError, logDroppedErrors } from '../../dropped-errors.ts'
import { errorCode, errorText } from '../../platform/system-error.ts'
import { LATE, withTimeout } from '../async/timing.ts'
import { collectStart } from './process.ts'

// All threads are created here. Calls to a hanging disk block only their thread.

/** The calls that a thread supports, by name. */
export type Calls<C> = { [K in keyof C]: { input: unknown; output: unknown } }

/** The result of a call, with memory that is transferred instead of copied. */
export class WithTransfer<T> {
  readonly value: T
  readonly memory: readonly ArrayBuffer[]

  constructor(value: T, memory: readonly ArrayBuffer[]) {
    this.value = value
    this.memory = memory
  }
}

/** The functions of a thread; calls run one after the other, in order. */
export type CallHandlers<C extends Calls<C>> = {
  [K in keyof C]: (
    input: C[K]['input'],
  ) => C[K]['output'] | WithTransfer<C[K]['output']> | Promise<C[K]['output']>
}

/** A thread, as seen by its owner. */
export interface Thread<C extends Calls<C>> {
  /**
   * Calls the thread. The first call starts it, and so does the next one after it has ended: unexpectedly, or after a
   * minute without calls.
   * @param memory is transferred instead of copied.
   * @throws the error of the call, with its code; Error if the thread ended before the call was done.
   */
  call<K extends keyof C>(
    name: K,
    input: C[K]['input'],
    memory?: readonly ArrayBuffer[],
  ): Promise<C[K]['output']>
  /** Number of calls without an answer so far. */
  readonly unanswered: number
  /** Resolves when a thread that is starting takes calls; at once if none is. On a busy computer a start takes seconds. */
  readonly started: Promise<void>
  /** Resolves to true when all calls are done and the thread has ended; false: after a timeout it was left running. */
  close(): Promise<boolean>
}

interface ThreadOptions {
  /** Passed as workerData, cloned at each start. */
  data?: unknown
  /** Limit of the young generation: without it, garbage alone would use a hundred megabytes. */
  youngMb: number
  /** Returns true if the thread may end after a period without calls; omitted: always. */
  mayRest?: () => boolean
  /** Receives messages that the thread sends without a call. */
  onNews?: (news: unknown) => void
}

type ToThread = { id: number; name: PropertyKey; input: unknown } | null
type FromThread =
  | { id: number; output: unknown }
  | { id: number; failure: { message: string; code: string | null } }
  | { started: true }
  | { news: unknown }
  | { dropped: { level: 'debug' | 'warn'; text: string } }

const END_WITHIN_MS = 2_000
/** An idle thread is ended after this time, because it uses about seven MiB. */
const RESTS_AFTER_MS = 60_000

/** Opens a thread that does not keep the process alive. */
export function openThread<C extends Calls<C>>(
  script: URL,
  { data, youngMb, mayRest = () => true, onNews }: ThreadOptions,
): Thread<C> {
  type Waiting = { resolve: (output: unknown) => void; reject: (reason: unknown) => void }
  const waiting = new Map<number, Waiting>()
  let worker: Worker | null = null
  let starting = Promise.withResolvers<void>()
  starting.resolve()
  let last = 0
  let isClosed = false
  const resting = setTimeout(() => {
    if (waiting.size > 0 || !mayRest()) return
    worker?.postMessage(null)
    worker = null
  }, RESTS_AFTER_MS).unref()

  const ended = (started: Worker, reason: unknown) => {
    if (worker !== started) return
    worker = null
    const lost = [...waiting.values()]
    waiting.clear()
    for (const { reject } of lost) reject(reason)
  }

  const take = (said: FromThread) => {
    if ('started' in said) return starting.resolve()
    if ('news' in said) return onNews?.(said.news)
    if ('dropped' in said) return logDroppedError(said.dropped.level, said.dropped.text)
    const call = waiting.get(said.id)
    waiting.delete(said.id)
    if (waiting.size === 0) resting.refresh()
    if ('output' in said) return call?.resolve(said.output)
    const { message, code } = said.failure
    call?.reject(code === null ? new Error(message) : Object.assign(new Error(message), { code }))
  }

  const start = (): Worker => {
    const started = new Worker(script, {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: youngMb },
      // Descriptors that the C library or another thread opened are closed by their owner.
      trackUnmanagedFds: false,
    })
    started.unref()
    starting = Promise.withResolvers()
    started.on('message', take)
    started.once('error', (error) => ended(started, error))
    started.once('exit', () => ended(started, new Error('its thread ended')))
    return started
  }

  return {
    call: (name, input, memory = []) =>
      new Promise((resolve, reject) => {
        if (isClosed) return reject(new Error('its thread is closed'))
        worker ??= start()
        last += 1
        // Posted first: a message that cannot be posted must not be awaited.
        worker.postMessage({ id: last, name, input } satisfies ToThread, memory)
        waiting.set(last, { resolve: resolve as Waiting['resolve'], reject })
      }),
    get unanswered() {
      return waiting.size
    },
    get started() {
      return starting.promise
    },
    async close() {
      isClosed = true
      clearTimeout(resting)
      const closing = worker
      if (closing === null) return true
      const exit = new Promise<void>((resolve) => closing.once('exit', () => resolve()))
      // Not terminate(): during a call of SQLite it would end the whole process.
      closing.postMessage(null)
      return (await withTimeout(END_WITHIN_MS, exit)) !== LATE
    },
  }
}

/**
 * Runs in the thread: answers calls until its owner closes it.
 *
 * @param close is called when all calls are done.
 */
export function serveThread<C extends Calls<C>>(
  port: MessagePort,
  handlers: CallHandlers<C>,
  close: () => void = () => undefined,
): void {
  const post = (said: FromThread, memory: readonly ArrayBuffer[] = []) => port.postMessage(said, memory)

  logDroppedErrors((level, text) => post({ dropped: { level, text } }))

  const answer = async ({ id, name, input }: NonNullable<ToThread>): Promise<void> => {
    try {
      const output: unknown = await handlers[name as keyof C](input)
      if (output instanceof WithTransfer) post({ id, output: output.value }, output.memory)
      else post({ id, output })
    } catch (error) {
      post({ id, failure: { message: errorText(error), code: errorCode(error) } })
    }
  }

  const end = () => {
    try {
      close()
    } finally {
      port.close()
    }
  }

  collectStart()
  post({ started: true })
  let last: Promise<void> = Promise.resolve()
  port.on('message', (asked: ToThread) => {
    last = last.then(() => (asked === null ? end() : answer(asked)))
  })
}

/** Sends a message to the owner without a call: see `onNews`. */
export const tellOwner = (port: MessagePort, news: unknown): void =>
  port.postMessage({ news } satisfies FromThread)
