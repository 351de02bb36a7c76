import { EventEmitter } from 'node:events'
import { MessageChannel, type MessagePort, type Transferable } from 'node:worker_threads'
import type { StoreThreadData } from '../../core/store/store-messages.ts'
import { runStoreThread } from '../../core/store/store-thread.ts'

/** What a test does with what the store asks its threads for, by the kind of the job. */
export const threadJobs = { before: async (_kind: string): Promise<void> => undefined }

/**
 * Stands for the Worker of node:worker_threads: the store's threads run in the test's own process, where its mocks hold.
 *
 *     vi.mock('node:worker_threads', async (original) => ({
 *       ...(await original<typeof import('node:worker_threads')>()),
 *       Worker: (await import('../../support/threads-here.ts')).ThreadHere,
 *     }))
 */
export class ThreadHere extends EventEmitter {
  private readonly port: MessagePort
  private last: Promise<void> = Promise.resolve()

  constructor(_script: URL, { workerData }: { workerData: StoreThreadData }) {
    super()
    const { port1, port2 } = new MessageChannel()
    this.port = port1
    runStoreThread(port2, workerData)
    port1.on('message', (message) => void this.emit('message', message))
    port1.on('close', () => void this.emit('exit'))
  }

  postMessage(message: { name: string } | null, transfer: readonly Transferable[] = []): void {
    this.last = this.last.then(async () => {
      if (message !== null) await threadJobs.before(message.name)
      this.port.postMessage(message, transfer)
    })
  }

  unref(): void {
    // The store closes it.
  }
}
