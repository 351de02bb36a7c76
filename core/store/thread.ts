import { Worker } from 'node:worker_threads'
import type { NumberedJob, NumberedResult, StoreThreadData } from './messages.ts'

/** A store's thread as seen from outside; it is started with its first job. */
export interface StoreThread<Job> {
  /** Jobs are done one after the other. @throws what the job threw; when the thread ended before it was done. */
  call(job: Job, transfer?: readonly ArrayBuffer[]): Promise<unknown>
  /** Ends it without waiting: a thread that hangs in the kernel cannot be waited for. */
  close(): void
}

interface Answer {
  resolve(result: unknown): void
  reject(thrown: unknown): void
}

export function createStoreThread<Job>(script: URL, data: StoreThreadData): StoreThread<Job> {
  let worker: Worker | null = null
  let waiting = new Map<number, Answer>()
  let last = 0
  let isClosed = false

  const start = (): Worker => {
    const started = new Worker(script, {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
      // One thread opens what the other one closes.
      trackUnmanagedFds: false,
    })
    started.unref()
    started.on('message', (answered: NumberedResult) => {
      const answer = waiting.get(answered.id)
      waiting.delete(answered.id)
      if (!('thrown' in answered)) return answer?.resolve(answered.result)
      const { message, code } = answered.thrown
      answer?.reject(code === null ? new Error(message) : Object.assign(new Error(message), { code }))
    })
    const ended = (reason: unknown) => {
      if (worker !== started) return
      worker = null
      const lost = waiting
      waiting = new Map()
      for (const { reject } of lost.values()) reject(reason)
    }
    started.once('error', ended)
    started.once('exit', () => ended(new Error('the thread of the store ended')))
    return started
  }

  return {
    call: (job, transfer = []) =>
      new Promise((resolve, reject) => {
        if (isClosed) return reject(new Error('the store is closed'))
        worker ??= start()
        last += 1
        waiting.set(last, { resolve, reject })
        worker.postMessage({ id: last, job } satisfies NumberedJob<Job>, transfer)
      }),
    close() {
      isClosed = true
      // Not terminate(): within a call of SQLite that ends the whole process.
      worker?.postMessage(null)
    },
  }
}
