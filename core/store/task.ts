import { errorCode } from '../files/system-error.ts'
import type { Message } from '../words/message.ts'
import { sentenceOf } from '../words/problem.ts'
import { storeFailed } from './problems.ts'
import type { RestoreEvent, RestoreSummary } from './restore/restore.ts'
import { listStore, restoreStore } from './restore/restore.ts'
import type { Wanted } from './restore/wanted.ts'
import type { Finding, Progress, VerifySummary } from './verify/findings.ts'
import { verifyStore } from './verify/verify.ts'

/** Long work on a store, done by a process of its own: whoever started it can answer whatever the disk does. */
export type Task =
  | { does: 'verify'; store: string; adopt: boolean; forgetMissing?: boolean }
  | { does: 'list'; store: string; wanted: Wanted }
  | { does: 'restore'; store: string; destination: string; wanted: Wanted; overwrite: boolean }

export type TaskEvent =
  | ({ type: 'progress' } & Progress)
  | { type: 'notice'; sentence: Message }
  | { type: 'finding'; finding: Finding }
  | { type: 'restore'; event: RestoreEvent }
  | { type: 'verified'; summary: VerifySummary }
  | { type: 'restored'; summary: RestoreSummary }
  | { type: 'failed'; sentence: Message }

/** So often at most is progress told, in milliseconds. */
const PROGRESS_MS = 100

/**
 * Does a task and tells of it; never rejects. The last event is `verified`, `restored` or `failed`.
 *
 * @param post resolves when the event is on its way; only progress is not waited for.
 */
export async function runTask(task: Task, post: (event: TaskEvent) => Promise<void>): Promise<void> {
  let toldAt = 0
  const progress = (now: Progress) => {
    if (performance.now() - toldAt < PROGRESS_MS) return
    toldAt = performance.now()
    void post({ type: 'progress', ...now })
  }
  const event = (one: RestoreEvent) => post({ type: 'restore', event: one })
  try {
    switch (task.does) {
      case 'verify': {
        const summary = await verifyStore(task.store, task, {
          notice: (sentence) => post({ type: 'notice', sentence }),
          found: (finding) => post({ type: 'finding', finding }),
          progress,
        })
        return await post({ type: 'verified', summary })
      }
      case 'list':
        return await post({
          type: 'restored',
          summary: await listStore(task.store, task.wanted, { event, progress }),
        })
      case 'restore': {
        const { store, destination, wanted, overwrite } = task
        const summary = await restoreStore(store, destination, wanted, overwrite, { event, progress })
        return await post({ type: 'restored', summary })
      }
      default:
        return task satisfies never
    }
  } catch (thrown) {
    const isSystems = errorCode(thrown) !== null
    await post({ type: 'failed', sentence: sentenceOf(isSystems ? storeFailed(task.store, thrown) : thrown) })
  }
}
