import { openOrExplain } from '../ledger/ledger.ts'
import type { RestoreSummary } from '../store/restore/events.ts'
import { emptySummary } from '../store/restore/events.ts'
import type { RestoreEvent } from '../store/restore/restore.ts'
import type { TaskEvent } from '../store/task.ts'
import type { Finding, VerifySummary } from '../store/verify/findings.ts'
import { sentenceOf } from '../words/problem.ts'
import type { Library } from './library.ts'
import type { LibrarySettings } from './open.ts'
import { openLibrary } from './open.ts'
import type { RestoreProgress, ToRestore } from './restore.ts'
import { restoreFrom } from './restore.ts'
import { verifyLibrary } from './verify.ts'
import type { Choice } from './walk.ts'
import { pagesOf, questionOf } from './walk.ts'

/** Work on what a destination has, done by a process of its own: whoever started it can answer whatever a disk does. */
export type LibraryTask = { from: LibrarySettings } & (
  | ({ does: 'restore' } & ToRestore)
  | { does: 'list'; choice: Choice }
  | { does: 'verify'; ledger: string }
)

const PROGRESS_MS = 100

async function list(
  library: Library,
  choice: Choice,
  tell: (event: RestoreEvent) => Promise<void>,
): Promise<RestoreSummary> {
  const summary = emptySummary()
  for await (const { contents, strange } of pagesOf(library, { ...questionOf(choice), isList: true })) {
    summary.failed += strange
    for (const { folder, path, version, facts, storedAt } of contents) {
      summary.files += 1
      summary.bytes += facts.size
      const when = { mtimeMs: Number(facts.mtimeNs) / 1e6, storedAt, replacedAt: null, renamedAt: null }
      // As it is asked for: of this destination there is one sender.
      const names = { sender: '', source: folder, path, version: version === '' ? null : version }
      await tell({ kind: 'listed', listed: { ...names, size: facts.size, ...when } })
    }
  }
  return summary
}

async function verify(
  library: Library,
  { from, ledger: file }: LibraryTask & { does: 'verify' },
  post: (event: TaskEvent) => Promise<void>,
  progress: (progress: RestoreProgress) => void,
): Promise<VerifySummary> {
  const ledger = openOrExplain(file)
  try {
    const found = (finding: Finding) => post({ type: 'finding', finding })
    return await verifyLibrary({ library, ledger, destination: from.destination.id }, { found, progress })
  } finally {
    ledger.close()
  }
}

/**
 * Does a task and tells of it; never rejects. The last event is `restored`, `verified` or `failed`.
 * @param post resolves when the event is on its way; only progress is not waited for.
 */
export async function runLibraryTask(
  task: LibraryTask,
  post: (event: TaskEvent) => Promise<void>,
): Promise<void> {
  let toldAt = 0
  const progress = ({ files, bytes, totalFiles, totalBytes }: RestoreProgress) => {
    if (performance.now() - toldAt < PROGRESS_MS) return
    toldAt = performance.now()
    void post({ type: 'progress', files, bytes, totalFiles: totalFiles ?? 0, totalBytes: totalBytes ?? 0 })
  }
  const event = (one: RestoreEvent) => post({ type: 'restore', event: one })
  const { signal } = new AbortController()
  const work = async (library: Library): Promise<TaskEvent> => {
    switch (task.does) {
      case 'list': {
        const summary = await list(library, task.choice, event)
        return { type: 'restored', summary }
      }
      case 'restore':
        return { type: 'restored', summary: await restoreFrom(library, task, { event, progress }, signal) }
      case 'verify':
        return { type: 'verified', summary: await verify(library, task, post, progress) }
      default:
        return task satisfies never
    }
  }
  try {
    const library = await openLibrary(task.from, signal)
    try {
      await post(await work(library))
    } finally {
      library.close()
    }
  } catch (thrown) {
    await post({ type: 'failed', sentence: sentenceOf(thrown) })
  }
}
