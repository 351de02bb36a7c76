import { Worker } from 'node:worker_threads'
import { batchBuffers } from '../../wire/frame-buffers.ts'
import type { NumberedJob, NumberedResult, StoreJob, StoreJobResult } from './protocol.ts'

/** A store's thread as seen from outside; it is started with its first job. */
export interface StoreThread {
  /** Jobs are done one after the other. @throws when the thread ended before it was done, or was closed before. */
  call(job: StoreJob, transfer?: readonly ArrayBuffer[]): Promise<StoreJobResult>
  /** Ends it without waiting: a thread that hangs in the kernel cannot be waited for. */
  close(): void
}

interface Answer {
  resolve(result: StoreJobResult): void
  reject(thrown: unknown): void
}

export function createStoreThread(script: URL): StoreThread {
  let worker: Worker | null = null
  let waiting = new Map<number, Answer>()
  let last = 0
  let isClosed = false

  const start = (): Worker => {
    const started = new Worker(script, {
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
      // One thread opens what the other one closes.
      trackUnmanagedFds: false,
    })
    started.unref()
    started.on('message', ({ id, result, memory }: NumberedResult) => {
      if (memory !== null) batchBuffers.give(memory)
      waiting.get(id)?.resolve(result)
      waiting.delete(id)
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
        worker.postMessage({ id: last, job } satisfies NumberedJob, transfer)
      }),
    close() {
      isClosed = true
      void worker?.terminate()
    },
  }
}
