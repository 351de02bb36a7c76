import type { Computer, LibrarySettings } from '../backends/backend-messages.ts'
import { requireMounted } from '../backends/folder/mounted.ts'
import type { Library } from '../backends/library.ts'
import { computersAt, type From, openLibrary, type StoreSettings } from '../backends/open.ts'
import { defer } from '../defer.ts'
import { readManifest } from '../fixity/read-manifest.ts'
import { openOrExplain } from '../ledger/ledger.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { toSentence, UserError } from '../lib/i18n/user-error.ts'
import { readMounts } from '../platform/mounts.ts'
import { errorCode } from '../platform/system-error.ts'
import { createStoreError } from '../store/outcome.ts'
import { replacedAt } from '../store/retention/retention.ts'
import type { Finding, VerifyProgress, VerifySummary } from '../store/verify/findings.ts'
import { verifyStore } from '../store/verify/verify.ts'
import { verifyManifest } from './check-manifest.ts'
import { asThere, type Choice, findPlaces, readPages, toQuestion } from './choose.ts'
import { createNoMatchError, type RestoreProgress, restoreFrom, type ToRestore } from './restore.ts'
import { RestoredLog } from './restored-log.ts'
import { verifyLibrary } from './verify.ts'
import { emptySummary, type RestoreEvent, type RestoreSummary } from './write/events.ts'

/**
 * Long-running work on a destination or a store, in a separate process, so that a blocking disk does not block the
 * caller. `ledger`: this computer's, with the log of events; omitted: none. `verify` compares a destination
 * with the ledger, a store with its manifest, or either with a manifest file (read-manifest.ts); `choice`: its source.
 */
export type Task =
  | { does: 'restore'; from: From; wanted: readonly ToRestore[]; ledger?: string; manifest?: string }
  | ({ does: 'putBack' } & PutBack)
  | { does: 'list'; from: From; choice: Choice }
  | { does: 'computers'; from: LibrarySettings }
  | { does: 'verify'; from: LibrarySettings; ledger: string }
  | { does: 'verify'; from: From; manifest: string; choice: Pick<Choice, 'folder' | 'source'> }
  | { does: 'verify'; from: StoreSettings; adopt: boolean; forgetMissing: boolean }

/** Files go back into their sources. `sources`: their directories; `points`: known mount points of their disks; by id. */
type PutBack = {
  from: LibrarySettings
  ledger: string
  sources: Record<string, string>
  points: Record<string, string>
  manifest?: string
} & Omit<ToRestore, 'destination' | 'placement' | 'manifest'>

export type TaskEvent =
  | ({ type: 'progress' } & VerifyProgress)
  | { type: 'notice'; sentence: Message }
  | { type: 'finding'; finding: Finding }
  | { type: 'restore'; event: RestoreEvent }
  | { type: 'computers'; computers: Computer[] }
  | { type: 'verified'; summary: VerifySummary }
  | { type: 'restored'; summary: RestoreSummary }
  | { type: 'failed'; sentence: Message }

/** Minimum interval between progress events, in milliseconds. */
const PROGRESS_MS = 100

const { signal } = new AbortController()

/**
 * Runs a task and reports its events; never rejects. The last event is `verified`, `restored`, `computers` or `failed`.
 * @param post resolves when the event is sent; progress events are not awaited.
 */
export async function runTask(task: Task, post: (event: TaskEvent) => Promise<void>): Promise<void> {
  let postedAt = 0
  const progress = ({ files, bytes, totalFiles, totalBytes }: RestoreProgress) => {
    if (performance.now() - postedAt < PROGRESS_MS) return
    postedAt = performance.now()
    void post({ type: 'progress', files, bytes, totalFiles: totalFiles ?? 0, totalBytes: totalBytes ?? 0 })
  }
  const log = new RestoredLog(
    'ledger' in task ? (task.ledger ?? null) : null,
    'destination' in task.from ? task.from.destination.id : '',
  )
  const event = (one: RestoreEvent) => {
    log.record(one)
    return post({ type: 'restore', event: one })
  }
  const found = (finding: Finding) => post({ type: 'finding', finding })
  const notice = (sentence: Message) => post({ type: 'notice', sentence })

  const verify = async (verifying: Task & { does: 'verify' }): Promise<VerifySummary> => {
    if ('manifest' in verifying) {
      const manifest = await readManifest(verifying.manifest)
      return withLibrary(verifying.from, async (library) => {
        const { folder } = await asThere(library, verifying.choice)
        return verifyManifest({ library, folder, manifest }, { found, progress })
      })
    }
    if (!('ledger' in verifying))
      return verifyStore(verifying.from.store, verifying, { notice, found, progress })
    const { from, ledger: file } = verifying
    const ledger = openOrExplain(file)
    using _ = defer(() => ledger.close())
    const what = { ledger, destination: from.destination.id }
    const summary = await withLibrary(from, (library) =>
      verifyLibrary({ library, ...what }, { found, progress }),
    )
    const { lostFacts } = summary
    const { name } = from.destination
    if (lostFacts > 0) await notice(message('verify.factsLost', { name, count: lostFacts }))
    return summary
  }
  const work = async (): Promise<TaskEvent> => {
    if ('store' in task.from && task.from.name !== undefined)
      await requireMounted({ name: task.from.name, path: task.from.store })
    if (task.does === 'computers')
      return { type: 'computers', computers: await computersAt(task.from, signal) }
    if (task.does === 'verify') return { type: 'verified', summary: await verify(task) }
    const file = 'manifest' in task ? task.manifest : undefined
    const manifest = file === undefined ? undefined : await readManifest(file)
    const summary = await withLibrary(task.from, async (library) => {
      if (task.does === 'list') return list(library, await asThere(library, task.choice), event)
      const wanted =
        task.does === 'restore' ? await placeAsWanted(library, task) : await placeInSources(library, task)
      const checked = wanted.map((one) => ({ ...one, manifest }))
      return restoreFrom(library, checked, { event, progress }, signal)
    })
    return { type: 'restored', summary }
  }
  try {
    await post(await work())
  } catch (error) {
    const problem =
      'store' in task.from && errorCode(error) !== null ? createStoreError(task.from.store, error) : error
    await post({ type: 'failed', sentence: toSentence(problem) })
  } finally {
    log.close()
  }
}

const placeAsWanted = (library: Library, { wanted }: Task & { does: 'restore' }): Promise<ToRestore[]> =>
  Promise.all(wanted.map(async (one) => ({ ...one, choice: await asThere(library, one.choice) })))

async function placeInSources(
  library: Library,
  { choice: given, sources, points, conflict, missingOnly }: PutBack,
): Promise<ToRestore[]> {
  const mounts = readMounts()
  const choice = await asThere(library, given)
  return findPlaces(await library.folders(), choice.folder, sources).map(({ folder, source, directory }) => {
    const point = points[source]
    // The directory underneath the mount point is on another disk.
    if (point !== undefined && mounts?.every((mount) => mount.point !== point))
      throw new UserError('check.unmounted', { path: directory, point })
    const destination = directory
    return { choice: { ...choice, folder }, destination, placement: 'inPlace', conflict, missingOnly }
  })
}

async function withLibrary<T>(from: From, use: (library: Library) => Promise<T>): Promise<T> {
  const library = await openLibrary(from, signal)
  using _ = defer(() => library.close())
  return await use(library)
}

async function list(
  library: Library,
  choice: Choice,
  report: (event: RestoreEvent) => Promise<void>,
): Promise<RestoreSummary> {
  const summary = emptySummary()
  for await (const { contents, strange, strangeNames } of readPages(library, {
    ...toQuestion(choice),
    isList: true,
  })) {
    summary.failed += strange
    for (let count = 0; count < strange; count += 1)
      await report({ kind: 'badEntry', place: strangeNames?.[count] ?? '' })
    for (const { folder, path, version, facts, storedAt, renamedAt = null } of contents) {
      summary.files += 1
      summary.bytes += facts.size
      const when = {
        mtimeMs: Number(facts.mtimeNs) / 1e6,
        storedAt,
        replacedAt: replacedAt(version),
        renamedAt,
      }
      const [source = '', sender = ''] = folder.split('/').reverse()
      const names = { sender, source, path, version: version === '' ? null : version }
      await report({ kind: 'listed', listed: { ...names, size: facts.size, ...when } })
    }
  }
  if (summary.files + summary.failed === 0 && (choice.folder !== null || choice.at !== null))
    throw createNoMatchError(library, choice)
  return summary
}
