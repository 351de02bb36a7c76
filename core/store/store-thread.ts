import type { MessagePort } from 'node:worker_threads'
import { errorText } from '../files/system-error.ts'
import { openCommitter } from './committer.ts'
import { storeLayout } from './layout.ts'
import type { CommitJob, NumberedJob, NumberedResult, StoreThreadData, WriteJob } from './messages.ts'
import { diskCode, FileRefused } from './outcome.ts'
import { writeFiles } from './writing.ts'

const thrownOf = (thrown: unknown): { message: string; code: string | null } => ({
  message: errorText(thrown),
  code: thrown instanceof FileRefused ? thrown.detail : diskCode(thrown),
})

/**
 * A thread of the store: it makes many files' calls one after the other, without the two changes of threads that each
 * costs from the event loop. A disk that hangs holds this thread, and nothing else.
 */
export function runStoreThread(port: MessagePort, data: StoreThreadData): void {
  const answer = (result: NumberedResult, memory: Uint8Array<ArrayBuffer> | null = null) =>
    port.postMessage(result, memory === null ? [] : [memory.buffer])

  if (data.role === 'write') {
    port.on('message', (message: NumberedJob<WriteJob> | null) => {
      if (message === null) return port.close()
      const { id, job } = message
      const result = writeFiles(job)
      answer({ id, result }, result.memory)
    })
    return
  }

  const beats = new Int32Array(data.beat)
  const committer = openCommitter(storeLayout(data.root), () => Atomics.add(beats, 0, 1))
  let last: Promise<void> = Promise.resolve()
  port.on('message', (message: NumberedJob<CommitJob> | null) => {
    if (message === null) return port.close()
    const { id, job } = message
    last = last.then(async () => {
      try {
        answer({ id, result: await committer.run(job) })
      } catch (thrown) {
        answer({ id, thrown: thrownOf(thrown) })
      }
    })
  })
  port.on('close', () => void last.then(() => committer.close()))
}
