import { openThread } from '../../worker/thread.ts'
import type { ReadCalls, StoreThreadData } from '../messages.ts'

/** Reads for others what is stored: by a thread of its own, so that it holds up nothing that is being stored. */
export type Reading = ReturnType<typeof openReading>

export function openReading(root: string, script: URL) {
  const data: StoreThreadData = { role: 'read', root }
  const thread = openThread<ReadCalls>(script, { data, youngMb: 8 })
  let users = 0
  return {
    call: thread.call,
    /** Somebody reads until the result is called; when nobody does, what is open is closed. */
    use() {
      users += 1
      let isOver = false
      return () => {
        if (isOver) return
        isOver = true
        users -= 1
        if (users === 0) void thread.call('rest', null).catch(() => undefined)
      }
    },
    close: () => thread.close(),
  }
}
