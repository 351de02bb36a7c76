import { Worker } from 'node:worker_threads'
import type { SetAside } from '../../sqlite-file.ts'
import type { Incident } from '../incident.ts'
import type { Entry } from '../outbox.ts'
import type { TimelinePage, TimelineQuestion } from '../timeline.ts'
import type { Left } from './database.ts'

/** What the thread can be asked. */
export interface StoreCalls {
  load: { input: number; output: Left }
  save: { input: readonly Entry[]; output: unknown }
  record: { input: readonly Incident[]; output: unknown }
  page: { input: TimelineQuestion; output: TimelinePage }
}
export interface ToStoreThread {
  number: number
  /** close: everything before it is done, and the thread ends. */
  call: keyof StoreCalls | 'close'
  input: unknown
}
export type FromStoreThread =
  | { number: number; output: unknown }
  | { number: number; failure: string }
  | { aside: SetAside }

/** Outbox and timeline on a disk that may hang or fail: every call ends within its time. */
export interface AlertStore {
  /** @throws Error when the disk refuses it, or has not answered within some seconds */
  call<C extends keyof StoreCalls>(call: C, input: StoreCalls[C]['input']): Promise<StoreCalls[C]['output']>
  /** Resolves when all that was asked before is done, or its disk has had its time. */
  close(): Promise<void>
}

const ANSWER_WITHIN_MS = 2_000
/** Calls that wait for a disk that hangs; what comes beyond is refused at once. */
const MOST_OUT = 256

interface Waiting {
  resolve(output: unknown): void
  reject(reason: Error): void
}

/**
 * @param script the thread's own script.
 * @param tell hears of a file that had to be set aside.
 */
export function openAlertStore(script: URL, file: string, tell: (aside: SetAside) => void): AlertStore {
  let thread: Worker | null = null
  let last = 0
  const out = new Map<number, Waiting>()

  const leave = (worker: Worker, reason: string) => {
    if (thread !== worker) return
    thread = null
    for (const { reject } of out.values()) reject(new Error(reason))
    out.clear()
  }
  const start = (): Worker => {
    const worker = new Worker(script, {
      workerData: { file },
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
    })
    worker.unref()
    worker.on('message', (said: FromStoreThread) => {
      if ('aside' in said) return tell(said.aside)
      const waiting = out.get(said.number)
      out.delete(said.number)
      if ('failure' in said) waiting?.reject(new Error(said.failure))
      else waiting?.resolve(said.output)
    })
    worker.once('error', (thrown) => leave(worker, String(thrown)))
    worker.once('exit', () => leave(worker, 'its thread ended'))
    return worker
  }
  return {
    call<C extends keyof StoreCalls>(call: C, input: StoreCalls[C]['input']) {
      if (out.size >= MOST_OUT) return Promise.reject(new Error(`${file} does not answer`))
      thread ??= start()
      last += 1
      const number = last
      thread.postMessage({ number, call, input } satisfies ToStoreThread)
      return new Promise<StoreCalls[C]['output']>((resolve, reject) => {
        const timer = setTimeout(() => {
          // It stays among those that are out: they are bounded.
          reject(new Error(`${file} has not answered within ${ANSWER_WITHIN_MS} ms`))
        }, ANSWER_WITHIN_MS)
        out.set(number, {
          resolve: (output) => {
            clearTimeout(timer)
            resolve(output as StoreCalls[C]['output'])
          },
          reject: (reason) => {
            clearTimeout(timer)
            reject(reason)
          },
        })
      })
    },
    close() {
      const worker = thread
      if (worker === null) return Promise.resolve()
      // Not terminated: SQLite's binding ends the whole process when its thread ends within a call.
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, ANSWER_WITHIN_MS)
        worker.once('exit', () => {
          clearTimeout(timer)
          resolve()
        })
        worker.postMessage({ number: 0, call: 'close', input: null } satisfies ToStoreThread)
      })
    },
  }
}
