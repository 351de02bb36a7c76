import type { LibrarySettings } from '../backends/backend-messages.ts'
import type { Library } from '../backends/library.ts'
import { computersAt, openLibrary } from '../backends/open.ts'
import { defer } from '../defer.ts'
import { ignoreError } from '../dropped-errors.ts'
import { createRates } from '../lib/async/rates.ts'
import { createTimeLeft } from '../lib/async/time-left.ts'
import type { Message } from '../lib/i18n/message.ts'
import { toSentence, UserError } from '../lib/i18n/user-error.ts'
import type { RequestInput } from '../lib/workers/definition.ts'
import type { WorkerContext, WorkerHandlers } from '../lib/workers/serve.ts'
import { listEntries, listVersions, searchFiles, viewContent } from './browse.ts'
import { listChanges } from './changes.ts'
import { startComparison } from './compare.ts'
import { fetchFiles } from './fetch.ts'
import { type RestoreProgress, restoreFrom, type ToRestore } from './restore.ts'
import type { restorerDefinition } from './restore-messages.ts'
import { BEGUN, type Compared, MAX_REPORTED, type RestoreReport } from './restore-messages.ts'
import { RestoredLog } from './restored-log.ts'
import { describeEvent, type RestoreEvent } from './write/events.ts'

type Definition = typeof restorerDefinition
type Asked<N extends keyof Definition['requests']> = RequestInput<Definition, N>

const REPORT_MS = 250

/** Starts the worker that browses destinations and restores files. */
export function startRestorer(context: WorkerContext<Definition>): WorkerHandlers<Definition> {
  const shelf = createShelf()
  const stopping = new AbortController()
  let running: RunningRestore | null = null
  let readCompared: (() => Compared) | null = null
  let fetching: { faults: [number, string][] | null; bytes: number; error: unknown } | null = null

  const fetch = async ({ from, files, directory }: Asked<'fetch'>): Promise<void> => {
    const mine: NonNullable<typeof fetching> = { faults: null, bytes: 0, error: null }
    fetching = mine
    try {
      const library = await openLibrary(from, stopping.signal)
      using _ = defer(() => library.close())
      const count = (bytes: number) => {
        mine.bytes += bytes
      }
      mine.faults = [...(await fetchFiles(library, files, directory, count, stopping.signal))]
    } catch (error) {
      mine.error = error
    }
  }

  return {
    configure: async () => undefined,
    requests: {
      computers: async ({ from }: Asked<'computers'>) => ({
        computers: await computersAt(from, stopping.signal),
      }),
      folders: ({ from }: Asked<'folders'>) =>
        shelf.use(from, async (library) => ({ folders: [...(await library.folders())] })),
      list: (asked: Asked<'list'>) => shelf.use(asked.from, (library) => listEntries(library, asked)),
      search: (asked: Asked<'search'>) => shelf.use(asked.from, (library) => searchFiles(library, asked)),
      changes: (asked: Asked<'changes'>) => shelf.use(asked.from, (library) => listChanges(library, asked)),
      versions: (asked: Asked<'versions'>) =>
        shelf.use(asked.from, (library) => listVersions(library, asked)),
      view: (asked: Asked<'view'>) =>
        shelf.use(asked.from, (library) => viewContent(library, asked, stopping.signal)),
      start: async ({ from, wanted, ledger }: Asked<'start'>) => {
        if (running !== null) throw new UserError('restore.running')
        running = runRestore(from, wanted, new RestoredLog(ledger, from.destination.id), context.report)
        void running.ended.then(() => {
          running = null
        })
        return {}
      },
      stop: async () => {
        running?.stop()
        return {}
      },
      compare: async (asked: Asked<'compare'>) => {
        readCompared = startComparison(asked, stopping.signal)
        return {}
      },
      compared: async () => {
        if (readCompared === null) throw new UserError('agent.workerAway', { worker: 'restorer' })
        return readCompared()
      },
      fetch: async (asked: Asked<'fetch'>) => {
        void fetch(asked)
        return {}
      },
      fetched: async () => {
        if (fetching === null || fetching.error !== null)
          throw fetching?.error ?? new UserError('agent.workerAway', { worker: 'restorer' })
        return { faults: fetching.faults, bytes: fetching.bytes }
      },
    },
    async stop() {
      shelf.close()
      stopping.abort()
      running?.stop()
      await running?.ended
    },
  }
}

/** A library that requests share. */
interface Shelved {
  key: string
  library: Promise<Library>
  end: AbortController
  users: number
}

/** Keeps the last used library open between requests. The agent ends the process when requests have ceased. */
function createShelf() {
  let open: Shelved | null = null

  const close = (closing: Shelved | null) => {
    if (closing === null || closing.end.signal.aborted) return
    if (open === closing) open = null
    closing.library
      .then((library) => library.close())
      .catch(ignoreError('a library that could not be opened needs no closing'))
    closing.end.abort()
  }

  const openOnShelf = (settings: LibrarySettings): Shelved => {
    const key = JSON.stringify(settings)
    if (open?.key === key) return open
    close(open)
    const end = new AbortController()
    open = { key, library: openLibrary(settings, end.signal), end, users: 0 }
    return open
  }

  return {
    close: () => close(open),
    /** After an error the next request opens the library anew; the other requests that use it come to their end. */
    async use<T>(settings: LibrarySettings, look: (library: Library) => Promise<T>): Promise<T> {
      const shelved = openOnShelf(settings)
      shelved.users += 1
      try {
        return await look(await shelved.library)
      } catch (error) {
        if (open === shelved) open = null
        throw error
      } finally {
        shelved.users -= 1
        if (open !== shelved && shelved.users === 0) close(shelved)
      }
    },
  }
}

/** A running restore and its reporting. */
type RunningRestore = ReturnType<typeof runRestore>

function runRestore(
  from: LibrarySettings,
  wanted: readonly ToRestore[],
  log: RestoredLog,
  report: (report: RestoreReport) => void,
) {
  const stopping = new AbortController()
  const { signal } = stopping
  const rates = createRates()
  const timeLeft = createTimeLeft()
  let now = BEGUN
  let reportedAt = 0

  const leftAt = (at: number): number | null => {
    const { files, bytes, totalFiles, totalBytes } = now
    if (totalFiles === null || totalBytes === null) return null
    return timeLeft.left({ files: totalFiles - files, bytes: Math.max(0, totalBytes - bytes) }, at)
  }
  const publish = (isEnd: boolean) => {
    const at = performance.now()
    if (!isEnd && at - reportedAt < REPORT_MS) return
    reportedAt = at
    const rate = isEnd ? 0 : (rates.current(at)[''] ?? 0)
    now = { ...now, rate, left: isEnd ? null : leftAt(at) }
    report(now)
  }

  const take = async (event: RestoreEvent) => {
    log.record(event)
    now = countEvent(now, event, describeEvent(from.destination.name, event))
    publish(false)
  }

  const run = async (): Promise<void> => {
    publish(true)
    try {
      const library = await openLibrary(from, signal)
      using _ = defer(() => library.close())
      const progress = (counts: RestoreProgress) => {
        timeLeft.files(counts.files - now.files, performance.now())
        timeLeft.bytes(counts.bytes - now.bytes, performance.now())
        rates.add('', counts.bytes - now.bytes, performance.now())
        now = { ...now, ...counts }
        publish(false)
      }
      await restoreFrom(library, wanted, { event: take, progress }, signal)
      now = { ...now, phase: signal.aborted ? 'stopped' : 'done' }
    } catch (error) {
      now = signal.aborted
        ? { ...now, phase: 'stopped' }
        : { ...now, phase: 'failed', sentence: toSentence(error) }
    }
    log.close()
    publish(true)
  }
  /** `ended` resolves after the restore has ended and its last report was sent; it never rejects. */
  return { ended: run(), stop: () => stopping.abort() }
}

/** Adds one file to a report. `sentence`: the message about it, see describeEvent. */
export function countEvent(
  report: RestoreReport,
  event: RestoreEvent,
  sentence: Message | null,
): RestoreReport {
  const add = <T>(list: readonly T[], ...more: T[]): T[] => [...list, ...more].slice(0, MAX_REPORTED)
  const sentences = sentence === null ? [] : [sentence]
  switch (event.kind) {
    case 'same':
      return { ...report, same: report.same + 1 }
    case 'restored':
      return {
        ...report,
        restored: report.restored + 1,
        besidePaths: add(report.besidePaths, ...(event.isBeside ? [event.to] : [])),
        renamed: report.renamed + (event.isBeside || sentence !== null ? 1 : 0),
        renames: add(report.renames, ...sentences),
      }
    case 'exists':
      return { ...report, kept: report.kept + 1, keptPaths: add(report.keptPaths, event.to) }
    case 'cold':
      return { ...report, failures: add(report.failures, ...sentences) }
    default:
      return { ...report, failed: report.failed + 1, failures: add(report.failures, ...sentences) }
  }
}
