import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { COLD, NotReadable } from '../backends/errors.ts'
import { type Library, readAll, SMALL_BYTES } from '../backends/library.ts'
import { defer } from '../defer.ts'
import { dropError, ignoreError, settled } from '../dropped-errors.ts'
import type { Manifest } from '../fixity/read-manifest.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { findNameFault } from '../protocol/names.ts'
import { MISSING, NO_FILE, type StoredContent } from '../store/query/query.ts'
import { withCheck } from './check-manifest.ts'
import {
  type Choice,
  chooseContents,
  type FoundContent,
  type OpenedContent,
  openAhead,
  type Placement,
  readPages,
  toQuestion,
} from './choose.ts'
import type { Conflict, RestoreReport } from './restore-messages.ts'
import { emptySummary, type RestoreEvent, type RestoreResult, type RestoreSummary } from './write/events.ts'
import { Spool } from './write/spool.ts'
import { isFree, openTarget, removeUnfinished, type TargetWriter } from './write/write-files.ts'

// Restores chosen files. Their contents are opened ahead and written one after another, in the order of their paths. A
// content that has been replaced since it was listed is looked up again. Results come when a batch has its names.

/** Progress of a restore. Totals are null until they are known. */
export type RestoreProgress = Pick<RestoreReport, 'files' | 'bytes' | 'totalFiles' | 'totalBytes'>

interface RestoreEvents {
  /** Awaited for each event. */
  event(event: RestoreEvent): Promise<void>
  progress(progress: RestoreProgress): void
}

export interface ToRestore {
  choice: Choice
  /** The target directory; created if missing. */
  destination: string
  /** Default: bare. */
  placement?: Placement | undefined
  /** Action for existing files that have other content. */
  conflict: Conflict
  /** Restores only files whose names are free at the target; existing ones are not even read. */
  missingOnly?: boolean | undefined
  /** Restricts the choice to these paths of its folder. */
  only?: readonly string[] | undefined
  /** Contents of other digests than it lists are not restored; its files that are missing are reported. */
  manifest?: Manifest | undefined
}

/** Totals are not counted beyond this number of files. */
const MOST_COUNTED = 1_000_000

/** First and longest interval between two attempts to read contents that come from cold storage. */
const THAW_POLL_MS = 1_000
const LONGEST_THAW_POLL_MS = 600_000
/** Interval between two requests for a content: a thawed copy is readable for some days only. */
const ASK_AGAIN_MS = 86_400_000
/** Requests for contents in cold storage that are under way at a time. */
const THAWS = 16
/** Attempts per content. */
const MOST_LOOKS = 3

/** A restore that has a target. */
interface RunningRestore {
  library: Library
  choice: Choice
  target: TargetWriter
  signal: AbortSignal
  manifest: Manifest | undefined
}

/**
 * Restores chosen files, each completely or not at all, with their times and modes; one choice after another. Ends when
 * all files are there, or when the signal is aborted.
 * @throws UserError if nothing matches any choice, the destination is no longer reachable, or writing is impossible.
 */
export async function restoreFrom(
  library: Library,
  wanted: readonly ToRestore[],
  events: RestoreEvents,
  signal: AbortSignal,
): Promise<RestoreSummary> {
  const summary = emptySummary()
  const progress: RestoreProgress = { files: 0, bytes: 0, totalFiles: null, totalBytes: null }
  const counting = countAll(library, wanted, progress, signal).catch(
    ignoreError('the total is for the progress alone'),
  )
  const reporting: Reporting = { events, summary, progress, cold: new Spool() }
  const begunAt = Date.now()
  using _ = defer(() => reporting.cold.close())
  for (const one of wanted) if (!signal.aborted) await restorePart(library, one, reporting, signal)
  await restoreCold(library, reporting, begunAt, signal)
  const [first] = wanted
  const mayBeEmpty = signal.aborted || wanted.some(({ missingOnly }) => missingOnly === true)
  if (summary.files === 0 && first !== undefined && !mayBeEmpty)
    throw createNoMatchError(library, first.choice)
  if (!signal.aborted) await counting
  return summary
}

/** Returns the condition for a content to be restored. */
function createFilter({ destination, missingOnly, only }: ToRestore) {
  const root = path.resolve(destination)
  const paths = only === undefined ? null : new Set(only)
  return ({ path: file }: StoredContent, to: readonly string[]): boolean =>
    (paths === null || paths.has(file)) && (missingOnly !== true || isFree(path.join(root, ...to)))
}

/**
 * Restores contents in cold storage when they can be read, hours later, in passes over what still waits. Once a day a
 * pass asks again for all that is cold. The destination knows what it was asked for: a restore that is started again goes
 * on with the wait.
 * @param askedAt start of the listing that asked first.
 */
async function restoreCold(
  library: Library,
  reporting: Reporting,
  askedAt: number,
  signal: AbortSignal,
): Promise<void> {
  const { events, progress } = reporting
  const { length: files } = reporting.cold
  if (files > 0 && !signal.aborted) await events.event({ kind: 'cold', place: '', files })
  let waitMs = THAW_POLL_MS
  /** Start of the last pass that asked for all that was cold. */
  let lastAskedAt = askedAt
  while (reporting.cold.length > 0) {
    for (let waited = 0; waited < waitMs && !signal.aborted; waited += THAW_POLL_MS) {
      await delay(THAW_POLL_MS)
      events.progress(progress)
    }
    waitMs = Math.min(waitMs * 2, LONGEST_THAW_POLL_MS)
    const due = reporting.cold
    reporting.cold = new Spool()
    const now = Date.now()
    // The clock may have been set back.
    const isAsking = Math.abs(now - lastAskedAt) > ASK_AGAIN_MS
    let isComplete = true
    const lost = () => {
      isComplete = false
    }
    using _ = defer(() => due.close())
    for (const { part, values } of due.read())
      if (!signal.aborted) await restorePart(library, part, reporting, signal, { values, isAsking, lost })
      else for (const { content } of values) await thaw(library, content, reporting, signal)
    if (isAsking && isComplete) lastAskedAt = now
  }
}

/** Asks for a content in cold storage. Reports one that cannot be asked for, and each after an abort; then returns false. */
async function thaw(
  library: Library,
  content: StoredContent,
  { events, summary, progress }: Reporting,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    if (signal.aborted || library.thaw === undefined) throw new NotReadable(COLD)
    await library.thaw(content)
    return true
  } catch (error) {
    if (!(error instanceof NotReadable)) throw error
    summary.files += 1
    summary.failed += 1
    await events.event({ kind: 'unreadable', place: toName(content), code: error.message })
    return false
  } finally {
    // A caller that hears nothing takes the restore for hung.
    events.progress(progress)
  }
}

/**
 * Asks for contents as they are met, a few at a time.
 * @param wait gets those that were asked for, in the order in which they were met.
 */
function createAsking(ask: (found: FoundContent) => Promise<boolean>, wait: (found: FoundContent) => void) {
  const asking: { found: FoundContent; isAsked: Promise<boolean> }[] = []
  const settle = async (most = 0): Promise<void> => {
    while (asking.length > most) {
      const first = asking.shift()
      if (first !== undefined && (await first.isAsked)) wait(first.found)
    }
  }
  return {
    settle,
    async met(found: FoundContent): Promise<void> {
      const isAsked = ask(found)
      void settled(isAsked)
      asking.push({ found, isAsked })
      await settle(THAWS - 1)
    },
  }
}

/** Yields contents that waited. `done` is called for each that was handled; `rest` yields the others. */
function createWaited(
  waiting: Generator<FoundContent>,
  isWanted: (content: StoredContent, to: readonly string[]) => boolean,
) {
  const ahead: FoundContent[] = []
  async function* contents(): AsyncGenerator<FoundContent> {
    for (const one of waiting) {
      if (!isWanted(one.content, one.to)) continue
      ahead.push(one)
      yield one
    }
  }
  function* rest(): Generator<FoundContent> {
    yield* ahead
    yield* waiting
  }
  return { contents: contents(), done: () => void ahead.shift(), rest }
}

const toName = ({ folder, path: file }: StoredContent): string => `${folder}/${file}`

interface Reporting {
  /** Gets the contents in cold storage that were asked for. */
  cold: Spool<ToRestore, FoundContent>
  events: RestoreEvents
  summary: RestoreSummary
  progress: RestoreProgress
}

/** Contents that were asked for. */
interface Again {
  values: Generator<FoundContent>
  /** True if those that are still cold are asked for again. */
  isAsking: boolean
  /** Called if the connection is lost: contents that were not handled wait on. */
  lost(): void
}

/**
 * Restores the files of one choice. Asks for each content in cold storage when it is met.
 * @param again restores these contents alone, without listing them.
 */
async function restorePart(
  library: Library,
  wanted: ToRestore,
  reporting: Reporting,
  signal: AbortSignal,
  again?: Again,
): Promise<void> {
  const { events, summary, progress } = reporting
  const { choice, destination, placement = 'bare', conflict, manifest } = wanted
  const unseen = new Set(manifest?.keys())
  const advance = (bytes: number) => {
    progress.bytes += bytes
    events.progress(progress)
  }
  const finished: RestoreEvent[] = []
  const reportFinished = async () => {
    for (const event of finished.splice(0)) await events.event(event)
  }
  const met: FoundContent[] = []
  const ask = async ({ content }: FoundContent): Promise<boolean> => {
    if (again?.isAsking === false) return true
    try {
      return await thaw(library, content, reporting, signal)
    } catch (error) {
      if (again === undefined || !isLost(error)) throw error
      again.lost()
      return dropError(error, 'the next pass asks for the content', true)
    }
  }
  const asking = createAsking(ask, (found) => reporting.cold.add(wanted, found))
  const isWanted = createFilter(wanted)
  const listed = chooseContents(library, choice, placement, isWanted, async (place) => {
    summary.files += 1
    summary.failed += 1
    await events.event({ kind: 'badEntry', place })
  })
  const waited = again && createWaited(again.values, isWanted)
  const all = waited?.contents ?? listed
  const report = (event: RestoreEvent, { content, to, base, directories }: OpenedContent) => {
    if (event.kind === 'unreadable' && event.code === COLD) {
      summary.files -= 1
      progress.files -= 1
      // Without its fault.
      met.push({ content, to, base, directories })
      return
    }
    const isRenamed = event.kind === 'restored' && findNameFault(content.path) !== null
    finished.push(isRenamed ? { ...event, storedAs: content.path } : event)
    if (event.kind === 'restored' || event.kind === 'same') {
      summary[event.kind] += 1
      summary.bytes += content.facts.size
    } else summary.failed += 1
  }

  // The target directory is created only if there is something to restore.
  const first = await all.next()
  if (first.done === true) return
  const inPlaceFacts = placement === 'inPlace' ? first.value.base : null
  const target = await openTarget(path.resolve(destination), library.place, conflict, advance)
  let failure: unknown = null
  /** Contents that wait on after a lost connection. */
  let rest: Iterable<FoundContent> | null = null
  try {
    for await (const opened of openAhead(library, prepended(first.value, all))) {
      if (signal.aborted) break
      unseen.delete(opened.content.path)
      await restoreWithRetry({ library, choice, target, signal, manifest }, opened, report)
      // Not counted before: after a lost connection it may be waited for.
      summary.files += 1
      progress.files += 1
      waited?.done()
      for (const found of met.splice(0)) await asking.met(found)
      if (finished.length > 0) await reportFinished()
      advance(0)
    }
    await asking.settle()
  } catch (error) {
    if (isLost(error) && waited !== undefined) rest = waited.rest()
    // The abort may have closed the connection, too.
    else if (!signal.aborted) failure = error
  }
  try {
    // Files that were received completely get their names, also after an error or an abort.
    target.end(inPlaceFacts)
    await reportFinished()
    summary.undressed += target.undressed
    if (failure !== null) throw failure
    if (rest !== null) {
      again?.lost()
      await asking.settle()
    }
    for (const one of rest ?? []) reporting.cold.add(wanted, one)
    if (signal.aborted || wanted.missingOnly === true || again !== undefined) return
    await reportMissing(unseen, choice, reporting)
  } finally {
    removeUnfinished()
  }
}

/** Reports files of the manifest that were not found. */
async function reportMissing(
  unseen: ReadonlySet<string>,
  { folder, path: chosen }: Choice,
  { events, summary }: Reporting,
): Promise<void> {
  for (const file of unseen) {
    if (chosen !== null && !`${file}/`.startsWith(`${chosen}/`)) continue
    summary.files += 1
    summary.failed += 1
    await events.event({ kind: 'missing', place: `${folder}/${file}` })
  }
}

/** Counts the totals. @param signal stops counting. */
async function countAll(
  library: Library,
  wanted: readonly ToRestore[],
  progress: RestoreProgress,
  signal: AbortSignal,
): Promise<void> {
  const sum = { files: 0, bytes: 0 }
  for (const { choice, missingOnly, only } of wanted) {
    // Files are placed meanwhile, so those that were missing cannot be counted.
    if (missingOnly === true) return
    for await (const { contents } of readPages(library, toQuestion(choice))) {
      if (signal.aborted || sum.files > MOST_COUNTED) return
      for (const { path: file, facts } of contents) {
        if (only !== undefined && !only.includes(file)) continue
        sum.files += 1
        sum.bytes += facts.size
      }
    }
  }
  progress.totalFiles = sum.files
  progress.totalBytes = sum.bytes
}

/** True if the destination cannot be reached now. */
const isLost = (error: unknown): boolean =>
  error instanceof UserError && error.sentence.key === 'restore.notTold'

async function* prepended<T>(first: T, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  yield first
  yield* rest
}

/**
 * Restores an opened content. If it was replaced since it was listed, it is looked up again, unless it is in cold storage.
 * @param report receives the result, possibly later.
 */
async function restoreWithRetry(
  restore: RunningRestore,
  first: OpenedContent,
  report: (event: RestoreEvent, opened: OpenedContent) => void,
): Promise<void> {
  let opened = first
  for (let look = 1; ; look += 1) {
    const now = opened
    const event = await restoreOne(restore, now, (result) => report(result, now))
    const isCold = event?.kind === 'unreadable' && event.code === COLD
    const isOdd = event !== null && 'place' in event && !isCold
    if (event === null || (isOdd && restore.signal.aborted)) return
    const again = isOdd && look < MOST_LOOKS ? await lookAgain(restore, now, event.kind === 'damaged') : null
    if (again === null) return report(event, now)
    opened = again
  }
}

/** Returns the result; null: `later` receives it. */
async function restoreOne(
  { target, signal, manifest }: RunningRestore,
  opened: OpenedContent,
  later: (result: RestoreResult) => void,
): Promise<RestoreEvent | null> {
  const place = formatPlace(opened)
  if ('fault' in opened) return toFaultEvent(opened.fault, place)
  const { to, directories } = opened
  const { incoming, difference } = withCheck(opened.incoming, opened.content.path, manifest)
  async function* pieces() {
    for await (const piece of incoming.pieces()) {
      if (signal.aborted) throw new NotReadable('stopped')
      yield piece
    }
  }
  try {
    // Small contents are written too quickly to be worth stopping.
    const stoppable = incoming.facts.size > SMALL_BYTES ? { ...incoming, pieces } : incoming
    const result = await target.write(stoppable, place, to, directories, later)
    // The file here has the content of the destination, which may not be the listed one.
    if (result?.kind === 'same') await readAll(incoming, () => undefined)
    return result
  } catch (error) {
    const other = difference()
    if (other !== null) return { kind: 'damaged', place, ...other }
    if (error instanceof NotReadable) return toFaultEvent(error.message, place)
    throw error
  }
}

/**
 * Returns the content as the destination has it now; null: it is gone.
 * @param another also return null if it is unchanged.
 */
async function lookAgain(
  { library, choice }: RunningRestore,
  opened: OpenedContent,
  another: boolean,
): Promise<OpenedContent | null> {
  const { folder, path: file, version, digest } = opened.content
  const question = { ...toQuestion(choice), folder, path: file, after: null }
  const { contents } = await library.contents(question)
  const now = contents.find((one) => one.folder === folder && one.path === file)
  const isOtherSize = 'incoming' in opened && now?.facts.size !== opened.incoming.facts.size
  const isSame = now?.version === version && String(now.digest) === String(digest) && !isOtherSize
  if (now === undefined || (another && isSame)) return null
  const { to, base, directories } = opened
  try {
    return { content: now, to, base, directories, incoming: await library.open(now) }
  } catch (error) {
    if (error instanceof NotReadable) return null
    throw error
  }
}

function toFaultEvent(fault: string, place: string): RestoreEvent {
  if (fault === MISSING) return { kind: 'missing', place }
  return fault === NO_FILE ? { kind: 'strange', place } : { kind: 'unreadable', place, code: fault }
}

const formatPlace = ({ content: { folder, path: file, version } }: OpenedContent): string =>
  [folder, file, version].filter((part) => part !== '').join('/')

/** Returns the error for a choice that matches no file, now or at its time. */
export function createNoMatchError(
  { place }: Library,
  { folder, path: file, version, at }: Choice,
): UserError {
  const names = [place, folder, file].filter((part) => part !== null).join('/')
  if (names === '')
    return at === null
      ? new UserError('store.restoreNothingAtAll')
      : new UserError('store.restoreNothingAtAllThen', { at })
  if (version !== null) return new UserError('store.restoreNoVersion', { path: names, version })
  if (at !== null) return new UserError('store.restoreNothingThen', { path: names, at })
  return new UserError('store.restoreNothing', { path: names })
}
