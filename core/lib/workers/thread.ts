import { type MessagePort, Worker } from 'node:worker_threads'
import { logDroppedError, logDroppedErrors } from '../../dropped-errors.ts'
import { errorCode, errorText } from '../../platform/system-error.ts'
import { withTimeout } from '../async/with-timeout.ts'
import { collectStart } from './collect-start.ts'

// The one way to have a thread: its calls to a disk that hangs hold the thread, and nothing else.

/** What a thread can be asked, by name. */
export type Calls<C> = { [K in keyof C]: { input: unknown; output: unknown } }

/** What a call gives, with the memory that goes along instead of being copied. */
export class WithTransfer<T> {
  readonly value: T
  readonly memory: readonly ArrayBuffer[]

  constructor(value: T, memory: readonly ArrayBuffer[]) {
    this.value = value
    this.memory = memory
  }
}

/** What a thread does when it is asked; one call after the other, in their order. */
export type CallHandlers<C extends Calls<C>> = {
  [K in keyof C]: (
    input: C[K]['input'],
  ) => C[K]['output'] | WithTransfer<C[K]['output']> | Promise<C[K]['output']>
}

/** A thread as seen from outside. */
export interface Thread<C extends Calls<C>> {
  /**
   * The thread is started with the first call, and again with the next one after it has ended: by itself, or as nobody
   * has asked it anything for a minute.
   * @param memory goes along instead of being copied.
   * @throws what the call threw, with its code; Error when the thread ended before it was done.
   */
  call<K extends keyof C>(
    name: K,
    input: C[K]['input'],
    memory?: readonly ArrayBuffer[],
  ): Promise<C[K]['output']>
  /** How many calls have no answer yet. */
  readonly unanswered: number
  /** Resolves when all that was asked is done and the thread has ended, or when that takes too long; it lives on then. */
  close(): Promise<void>
}

export interface ThreadOptions {
  /** Its workerData, cloned at each start. */
  data?: unknown
  /** Of its young generation: without a limit its garbage alone would take a hundred megabytes. */
  youngMb: number
  /** Whether it may end when it was asked nothing for a while; left out: always. */
  mayRest?: () => boolean
  /** What it says unasked. */
  onNews?: (news: unknown) => void
}

type ToThread = { id: number; name: PropertyKey; input: unknown } | null
type FromThread =
  | { id: number; output: unknown }
  | { id: number; failure: { message: string; code: string | null } }
  | { news: unknown }
  | { dropped: { level: 'debug' | 'warn'; text: string } }

const END_WITHIN_MS = 2_000
/** A thread costs about seven MiB. */
const RESTS_AFTER_MS = 60_000

/** A thread that does not keep the process alive. */
export function openThread<C extends Calls<C>>(
  script: URL,
  { data, youngMb, mayRest = () => true, onNews }: ThreadOptions,
): Thread<C> {
  type Waiting = { resolve: (output: unknown) => void; reject: (reason: unknown) => void }
  const waiting = new Map<number, Waiting>()
  let worker: Worker | null = null
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
      // What the C library or another thread has opened is closed by whoever needs it no more.
      trackUnmanagedFds: false,
    })
    started.unref()
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
        // First: what cannot be posted is not waited for.
        worker.postMessage({ id: last, name, input } satisfies ToThread, memory)
        waiting.set(last, { resolve: resolve as Waiting['resolve'], reject })
      }),
    get unanswered() {
      return waiting.size
    },
    async close() {
      isClosed = true
      clearTimeout(resting)
      const closing = worker
      if (closing === null) return
      const exit = new Promise<void>((resolve) => closing.once('exit', () => resolve()))
      // Not terminate(): within a call of SQLite that ends the whole process.
      closing.postMessage(null)
      await withTimeout(END_WITHIN_MS, exit)
    },
  }
}

/**
 * The thread's own end: answers calls until its owner closes it.
 *
 * @param close is called when everything is done.
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
  let last: Promise<void> = Promise.resolve()
  port.on('message', (asked: ToThread) => {
    last = last.then(() => (asked === null ? end() : answer(asked)))
  })
}

/** Says something to the owner that it has not asked for: see `onNews`. */
export const tellOwner = (port: MessagePort, news: unknown): void =>
  port.postMessage({ news } satisfies FromThread)
