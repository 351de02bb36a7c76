import type { MessagePort } from 'node:worker_threads'
import { errorText } from '../../files/system-error.ts'
import { Given, serveThread } from '../../worker/thread.ts'
import { diskCode, FileRefused } from '../file-refused.ts'
import { storeLayout } from '../layout.ts'
import { openCommitter } from './committer.ts'
import type { CommitJob, CommitResults, CommitterCalls, StoreThreadData, WriterCalls } from './messages.ts'
import { writeFiles } from './writing.ts'

/** As it crosses from a thread. */
function thrownOf(thrown: unknown): Error {
  const code = thrown instanceof FileRefused ? thrown.detail : diskCode(thrown)
  return Object.assign(new Error(errorText(thrown)), code === null ? {} : { code })
}

/**
 * A thread of the store: it makes many files' calls one after the other, without the two changes of threads that each
 * costs from the event loop. A disk that hangs holds this thread, and nothing else.
 */
export function runStoreThread(port: MessagePort, data: StoreThreadData): void {
  if (data.role === 'write') {
    serveThread<WriterCalls>(port, {
      write(job) {
        const result = writeFiles(job)
        return new Given(result, result.memory === null ? [] : [result.memory.buffer])
      },
    })
    return
  }
  const beats = new Int32Array(data.beat)
  const committer = openCommitter(storeLayout(data.root), () => Atomics.add(beats, 0, 1))
  const run = async <Job extends CommitJob>(job: Job): Promise<CommitResults[Job['kind']]> => {
    try {
      return await committer.run(job)
    } catch (thrown) {
      throw thrownOf(thrown)
    }
  }
  serveThread<CommitterCalls>(
    port,
    {
      wake: run,
      look: run,
      round: run,
      source: run,
      wanted: run,
      wantSince: run,
      pin: run,
      prune: run,
      rest: run,
    },
    () => committer.close(),
  )
}
