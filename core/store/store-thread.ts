import type { MessagePort } from 'node:worker_threads'
import { serveThread, WithTransfer } from '../lib/workers/thread.ts'
import { openCommitter } from './committer.ts'
import { writeFiles } from './file-writer.ts'
import { storeLayout } from './layout.ts'
import { openStoreReader } from './query/reader.ts'
import type { CommitCalls, ReadCalls, StoreThreadData, WriteCalls } from './store-messages.ts'

/**
 * Runs a thread of the store. It makes the system calls of many files in sequence, and saves the two thread switches
 * that each call costs from the event loop. A disk that hangs blocks only this thread.
 */
export function runStoreThread(port: MessagePort, data: StoreThreadData): void {
  if (data.role === 'write') {
    serveThread<WriteCalls>(port, {
      write(job) {
        const result = writeFiles(job)
        return new WithTransfer(result, result.memory === null ? [] : [result.memory.buffer])
      },
    })
    return
  }
  if (data.role === 'read') {
    const { rest, ...calls } = openStoreReader(storeLayout(data.root))
    const ranges = (input: ReadCalls['ranges']['input']) => {
      const read = calls.ranges(input)
      return new WithTransfer(read, [read.bytes.buffer])
    }
    serveThread<ReadCalls>(port, { ...calls, ranges }, rest)
    return
  }
  const committer = openCommitter(storeLayout(data.root), data.remembered)
  serveThread<CommitCalls>(port, committer.calls, committer.close)
}
