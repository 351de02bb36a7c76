import { realpath, stat } from 'node:fs/promises'
import { toNameRules } from '../filter/exclusion-rules.ts'
import type { InnerMount } from '../ledger/contract.ts'
import { attempt, type Ledger } from '../ledger/ledger.ts'
import { noTotals } from '../ledger/ledger-messages.ts'
import { getMountPresence } from '../ledger/mount-presence.ts'
import { Rerun } from '../lib/async/rerun.ts'
import { throttle } from '../lib/async/timing.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { findMount, isWithin, readMounts } from '../platform/mounts.ts'
import { errorCode, errorText, isGone } from '../platform/system-error.ts'
import { acceptRule } from '../settings/changes.ts'
import { completeRule, previewRule, type RuleDraft } from '../settings/expected/propose.ts'
import type { Source } from '../settings/schema.ts'
import type { OwnPlaces } from '../walk/own-places.ts'
import { absolutePath, relativeTo } from '../walk/scanned-file.ts'
import { callOn, type MountScope } from '../walk/walk.ts'
import { DelayQueue } from '../watch/delay-queue.ts'
import {
  isReopenNeeded,
  type LinkedFile,
  type OpenFiles,
  type OpenScopedTree,
  type TreeWatcher,
} from '../watch/tree-watcher.ts'
import { BatchSession } from './batch/batch-session.ts'
import { type Expectations, openExpectations } from './expectations.ts'
import { settleGone, sweepDeleted } from './reconcile/deletions.ts'
import { countUnsent } from './reconcile/ledger-diff.ts'
import { type MassChangeGuard, openMassChangeGuard } from './reconcile/mass-change-guard.ts'
import { type Deletions, openDeletions } from './reconcile/recent-deletions.ts'
import { offerDirectories, offerFiles, reconcileTree, withdrawLeftOut } from './reconcile/reconcile.ts'
import { type MarkedAnswer, MOST_COMPARED, MOST_EXPECTED, type Scanned } from './scanner-messages.ts'
import type { SessionContext, SourceSession } from './source-session.ts'

// The life of a source. Its directory is checked every few seconds: the disk must be mounted there. While it is, a
// session sends its files: that of a continuous source, at the end of this file, or that of batch directories. Errors
// and unsent files appear in its status as problems.

/** Pause before a source is compared again because files could not be offered. */
const SOON_MS = 5_000

/** Interval at which a source's own directory is checked, with one stat(2). */
const CHECK_EVERY_MS = 5_000

/** Changes of one file are collected for this time, since each one causes an examination of all of its names. */
const GATHER_MS = 1_000
/** Other names of changed files that the watcher examines in one call. */
const EXAMINED_AT_ONCE = 256

/** Limit of problems in a source's status. */
export const MAX_PROBLEMS = 20

export interface SourceOptions {
  source: Source
  ledger: Ledger
  /** Destinations of its files, as the ledger names them; at least one. */
  destinations: readonly string[]
  reconcileSeconds: number
  quietSeconds: number
  openTree: OpenScopedTree
  own: OwnPlaces
  offered(): void
  changed(): void
  log(message: string): void
}

/** A session and its resources. */
interface Current {
  session: SourceSession
  identity: string
  abort: AbortController
  comparisons: ReturnType<typeof openComparisons>
}

/**
 * A configured source: a session while its directory is there, a cheap periodic check while it is not. Sources do not
 * wait for each other.
 */
export class RunningSource {
  readonly #options: SourceOptions
  readonly #problems: Problems
  readonly #home: ReturnType<typeof openHome>
  readonly #massChangeGuard: MassChangeGuard
  readonly #deletions: Deletions
  readonly #expectations: Expectations
  /** Problem of the directory itself; removed as soon as a check succeeds. */
  #rootProblem: Message | null = null
  #status: Omit<Scanned, 'id' | 'problems' | 'held' | 'deleted' | 'returned' | 'expected'>
  #current: Current | null = null
  #checking: Promise<void> | null = null
  #checkTimer: NodeJS.Timeout | null = null
  readonly #stopping = new AbortController()

  constructor(options: SourceOptions) {
    this.#options = options
    const phase = options.source.paused ? 'paused' : 'starting'
    this.#status = { phase, compared: false, batches: [] }
    this.#problems = new Problems(options.changed)
    const failed = (error: unknown) => this.#ledgerFailed(error)
    this.#home = openHome(options.source.id, options.ledger, failed)
    this.#massChangeGuard = openMassChangeGuard({ ...options, failed })
    this.#deletions = openDeletions({
      ...options,
      isWatched: () => this.#status.phase === 'watching',
      failed,
    })
    this.#expectations = openExpectations({
      ...options,
      isWatched: () => this.#isWatched,
      // A polled file is finished after the quiet time, which begins with a later poll.
      settleMs: () => (this.#status.phase === 'polling' ? 2_000 * options.quietSeconds : 0),
      compare: () => this.reconcile(),
      failed,
    })
    void this.#withdraw()
    if (!options.source.paused) void this.#check()
  }

  scanned(): Scanned {
    const problems = this.#problems.list()
    if (this.#rootProblem !== null) problems.push(this.#rootProblem)
    const held = this.#massChangeGuard.held()
    const { current: deleted, returned } = this.#deletions
    return {
      id: this.#options.source.id,
      ...this.#status,
      held,
      deleted,
      returned,
      expected: this.#expectations.state(),
      problems: problems.slice(-MAX_PROBLEMS),
    }
  }

  /** Compares the source with the ledger, after finding its directory if necessary. */
  async reconcile(): Promise<boolean> {
    if (this.#options.source.paused || this.#stopping.signal.aborted) return false
    await this.#check()
    return this.#current !== null && this.#compare(this.#current.session)
  }

  /** True while all of the source was compared, and changes are found. */
  get #isWatched(): boolean {
    const { phase, compared } = this.#status
    return compared === true && (phase === 'watching' || phase === 'polling')
  }

  async #compare(session: SourceSession): Promise<boolean> {
    // Repeated here, since the ledger may have failed at the last attempt.
    await this.#withdraw()
    return this.#current?.session === session && session.reconcile()
  }

  nudge(): void {
    this.#deletions.mayHaveReturned()
    this.#current?.session.nudge()
  }

  /** A person has deleted the files on purpose. Throws the ledger's errors. */
  acceptDeleted(): void {
    this.#deletions.accept()
  }

  /** A person wants everything sent in its present state. Throws the ledger's errors. */
  release(): void {
    this.#massChangeGuard.release()
    this.#options.offered()
  }

  /** Carries out a person's decision about files with isocket's mark. */
  async answerMarked(answer: MarkedAnswer): Promise<void> {
    await this.#current?.session.answerMarked?.(answer)
  }

  /** Returns files that have lost their content; at most `limit`. */
  lostPaths(limit: number): string[] {
    return this.#massChangeGuard.paths(limit)
  }

  /** Returns the expected files that were due within this time, the newest first, and how many they are. */
  expectedFiles({ since, until, gaps }: { since: number; until: number; gaps: boolean }) {
    const { source, ledger } = this.#options
    const files = ledger.expectedFiles(source.id, [since, until], { gaps, limit: MOST_EXPECTED })
    return { files, counts: ledger.countExpected(source.id, since, until) }
  }

  /** @throws UserError refuse.expected… */
  previewExpected(draft: RuleDraft) {
    const { source, ledger, destinations } = this.#options
    const limit = MOST_COMPARED * destinations.length
    const { files } = ledger.files(destinations, { source: source.id, state: null, before: null, limit })
    // A file has a row for each destination.
    const known = [...new Map(files.map((file) => [file.path, file])).values()].slice(0, MOST_COMPARED)
    const at = Date.now()
    const { pattern, everyMinutes } = draft
    const isInside = everyMinutes === undefined && pattern !== source.path && isWithin(pattern, source.path)
    const asked = { ...draft, pattern: isInside ? relativeTo(source.path, pattern) : pattern }
    const { rule: completed, isGuess } = completeRule(asked, known, at)
    const rule = acceptRule(completed, source.expected)
    return { rule, isGuess, ...previewRule(rule, known, at) }
  }

  stop(): void {
    this.#massChangeGuard.stop()
    this.#deletions.stop()
    this.#expectations.stop()
    this.#stopping.abort()
    if (this.#checkTimer !== null) clearTimeout(this.#checkTimer)
    this.#endSession()
  }

  /** Removes queued files that the present filters exclude. */
  async #withdraw(): Promise<void> {
    const { source, ledger, destinations, offered, log } = this.#options
    try {
      const count = await withdrawLeftOut(source, ledger, destinations, this.#stopping.signal)
      if (count === 0 || this.#stopping.signal.aborted) return
      log(`${count} files of ${source.path} waited that its filters leave out now: they are not sent`)
      // Batch directories may be complete now, and the sender's totals have changed.
      this.nudge()
      offered()
    } catch (error) {
      this.#ledgerFailed(error)
    }
  }

  /** Checks the directory, one check at a time; a check that hangs in the kernel delays only the next check. */
  #check(): Promise<void> {
    if (this.#checkTimer !== null) clearTimeout(this.#checkTimer)
    this.#checking ??= this.#checkNow().finally(() => {
      this.#checking = null
      if (!this.#stopping.signal.aborted)
        this.#checkTimer = setTimeout(() => void this.#check(), CHECK_EVERY_MS)
    })
    return this.#checking
  }

  async #checkNow(): Promise<void> {
    const { path } = this.#options.source
    try {
      const found = await callOn(path, () => stat(path, { bigint: true }))
      if (!found.isDirectory()) return this.#absent('failed', message('scan.rootNotDirectory', { path }))
      const root = await callOn(path, () => realpath(path))
      if (this.#stopping.signal.aborted) return
      if (!this.#home.isKnown()) return this.#update({ phase: 'failed' })
      // Read after the calls: if the disk is mounted now, their results are of the disk.
      const mount = this.#home.missing(root)
      if (mount !== null) return this.#absent('missing', message('scan.diskMissing', { path, mount }))
      const identity = `${found.dev}:${found.ino}:${root}`
      if (this.#current?.identity === identity) return
      this.#endSession()
      this.#startSession(root, found.dev, identity)
    } catch (error) {
      const code = errorCode(error)
      if (isGone(code)) this.#absent('missing', message('scan.rootMissing', { path }))
      else this.#absent('failed', message('scan.rootUnreadable', { path, reason: code ?? String(error) }))
    }
  }

  #absent(phase: 'missing' | 'failed', problem: Message): void {
    this.#endSession()
    this.#problems.clear()
    this.#rootProblem = problem
    this.#update({ phase, compared: false, marked: undefined, batches: [], open: null })
  }

  /** Reports an error of the ledger. It does not concern the directory, so a running session continues. */
  #ledgerFailed(error: unknown): void {
    const reason = errorText(error)
    this.#problems.add(message('scan.ledgerFailed', { path: this.#options.source.path, reason }))
  }

  #startSession(root: string, device: bigint, identity: string): void {
    const abort = new AbortController()
    const { source, ledger, destinations, quietSeconds, reconcileSeconds, openTree, offered, log } =
      this.#options
    /** Wraps a callback so that it is ignored after the session has ended. */
    const whileLive =
      <Words extends unknown[]>(hear: (...words: Words) => void) =>
      (...words: Words) => {
        if (!abort.signal.aborted) hear(...words)
      }
    const problem = whileLive((one: Message) => this.#problems.add(one))
    const solved = whileLive((one: Message) => this.#problems.remove(one))
    const ledgerFailed = whileLive((error: unknown) => this.#ledgerFailed(error))
    const ended = whileLive((error: unknown) => this.#sessionEnded(error))
    /** Files open for writing, by the directory of each watched file system of the source. */
    const open = new Map<string, OpenFiles>()
    const writing = whileLive((base: string, files: OpenFiles) => {
      open.set(base, files)
      const some = [...open.values()].filter((one) => one.files > 0).sort((a, b) => a.since - b.since)
      const [first] = some
      const count = some.reduce((sum, one) => sum + one.files, 0)
      this.#update({ open: first === undefined ? null : { ...first, files: count } })
    })
    const scope = createMountScope(source, { root, ledger, destinations, problem, ledgerFailed })
    const context: SessionContext = {
      source,
      root,
      device,
      isThere: () => this.#home.isThere(),
      scope,
      own: this.#options.own,
      ownPaths: new Set(),
      ledger,
      destinations,
      quietMs: quietSeconds * 1000,
      massChangeGuard: this.#massChangeGuard,
      deletions: this.#deletions,
      finished: (files, isKnown) => this.#expectations.note(files, isKnown),
      watch: async (events, leaveOut = []) => {
        await this.#options.own.refresh()
        return openTree(
          {
            root,
            base: '',
            names: toNameRules(source),
            comparesFirstLevel: source.kind === 'batch',
            leaveOut: [...leaveOut, ...this.#options.own.below(root)],
          },
          { ...events, problem, solved, ended, writing },
          scope,
        )
      },
      signal: abort.signal,
      offered,
      sweep: () => this.#problems.sweep(),
      problem,
      ledgerFailed,
      solved,
      update: whileLive((change) => this.#update(change)),
      ended,
      compareSoon: whileLive(() => comparisons.soon()),
      log,
    }
    this.#rootProblem = null
    this.#update({ phase: 'starting', compared: false, open: null })
    const comparisons = openComparisons(() => this.#compare(session), reconcileSeconds * 1000)
    const session = source.kind === 'batch' ? new BatchSession(context) : new ContinuousSession(context)
    this.#current = { session, identity, abort, comparisons }
  }

  /** Ends the session; the check that follows starts a new one if the directory is there. */
  #sessionEnded(error: unknown): void {
    this.#endSession()
    const { path } = this.#options.source
    if (error !== null && !isReopenNeeded(error)) {
      const reason = errorText(error)
      this.#rootProblem = message('scan.watchFailed', { path, reason })
      this.#update({ phase: 'failed' })
      return
    }
    void this.#check()
  }

  #endSession(): void {
    this.#current?.comparisons.stop()
    this.#current?.abort.abort()
    this.#current?.session.stop()
    this.#current = null
  }

  #update(change: Partial<Omit<Scanned, 'id' | 'problems' | 'held' | 'deleted' | 'expected'>>): void {
    this.#status = { ...this.#status, ...change }
    this.#options.changed()
  }
}

/**
 * Tracks where a source's disk is mounted. The ledger remembers the mount point, so that a missing disk stays missing
 * over a restart. While the ledger fails, its last answer is used.
 * @param failed called with errors of the ledger, which do not concern the directory.
 */
function openHome(
  source: string,
  ledger: Pick<Ledger, 'home' | 'rememberHome'>,
  failed: (error: unknown) => void,
) {
  /** undefined: the ledger has not answered yet. */
  let home: string | null | undefined

  const isKnown = (): boolean => {
    home = attempt(() => ledger.home(source), home, failed)
    return home !== undefined
  }
  return {
    /** Reads the ledger. false: it has never answered, and the path may show the directory underneath the disk. */
    isKnown,
    /** Returns the source's mount point if nothing is mounted there now; else null, after recording the present one. */
    missing(root: string): string | null {
      const mounts = readMounts()
      const before = home ?? null
      if (getMountPresence(before, mounts) === 'away') return before
      const now = mounts === null ? null : (findMount(mounts, root)?.point ?? null)
      if (now !== null && now !== before) attempt(() => ledger.rememberHome(source, now), undefined, failed)
      return null
    },
    isThere: () => {
      isKnown()
      return getMountPresence(home ?? null) !== 'away'
    },
  }
}

/**
 * Decides which file systems inside a source belong to it, and reports a problem for each that is unmounted. The ledger
 * remembers the mount points. An unmounted one is remembered while files below it wait: otherwise these would be
 * forgotten, or files of the directory underneath would be taken for them. After that it is a directory like any other.
 * If the ledger cannot be written, the mount points are recorded at the next listing.
 * @param root the source's absolute path, with symbolic links resolved.
 */
export function createMountScope(
  { id, oneFileSystem }: Pick<Source, 'id' | 'oneFileSystem'>,
  context: Pick<SessionContext, 'root' | 'ledger' | 'destinations' | 'problem' | 'ledgerFailed'>,
): MountScope {
  const { root, ledger, destinations, problem, ledgerFailed } = context
  const noteMounts = (present: readonly string[]): string[] => {
    const known = ledger.mountsInside(id)
    const now = present.map((point): InnerMount => ({ path: relativeTo(root, point), point }))
    rememberInner(id, now, context)
    const away = known.filter(({ path, point }) => {
      if (present.includes(point) || absolutePath(root, path) !== point) return false
      return countUnsent(ledger, destinations, id, path).waiting > 0
    })
    const wanted = [...now, ...away]
    if (JSON.stringify(wanted) !== JSON.stringify(known))
      attempt(() => ledger.rememberMountsInside(id, wanted), undefined, ledgerFailed)
    for (const { point } of away) problem(message('scan.innerDiskMissing', { path: point }))
    return away.map(({ point }) => point)
  }
  return { oneFileSystem, away: (present) => attempt(() => noteMounts(present), [], ledgerFailed) }
}

/**
 * Remembers the mounts inside a source that have files of the ledger. While one is unmounted, these are not deleted.
 */
function rememberInner(
  id: string,
  now: readonly InnerMount[],
  { ledger, destinations, ledgerFailed }: Pick<SessionContext, 'ledger' | 'destinations' | 'ledgerFailed'>,
): void {
  const known = ledger.innerMounts(id)
  const isAway = ({ path, point }: InnerMount) =>
    !now.some((one) => one.point === point) && destinations.some((one) => ledger.isPresent(one, id, path))
  const wanted = [...now, ...known.filter(isAway)]
  if (JSON.stringify(wanted) !== JSON.stringify(known))
    attempt(() => ledger.rememberInnerMounts(id, wanted), undefined, ledgerFailed)
}

/** Schedules a source's comparisons with the ledger: on a timetable, and soon after files could not be offered. */
export function openComparisons(compare: () => Promise<unknown>, everyMs: number) {
  const soon = throttle(SOON_MS, () => void compare())
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  const arm = () => {
    timer = setTimeout(async () => {
      await compare()
      if (!isStopped) arm()
    }, everyMs)
  }
  arm()
  return {
    /** Files were found but not offered: without this, only the next scheduled comparison would find them again. */
    soon,
    stop() {
      isStopped = true
      clearTimeout(timer)
      soon.stop()
    },
  }
}

/**
 * The newest problems of one source, without duplicates. A listing of the whole source is a sweep: problems that it
 * does not meet again are removed.
 */
export class Problems {
  readonly #known = new Map<string, { message: Message; generation: number }>()
  readonly #changed: () => void
  #generation = 0

  constructor(changed: () => void) {
    this.#changed = changed
  }

  add(message: Message): void {
    const key = getKey(message)
    const known = this.#known.get(key)
    const same = known !== undefined && JSON.stringify(known.message) === JSON.stringify(message)
    if (known !== undefined && !same) this.#known.delete(key)
    this.#known.set(key, { message, generation: this.#generation })
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_PROBLEMS) break
      this.#known.delete(oldest)
    }
    if (!same) this.#changed()
  }

  /** Removes a resolved problem before the next sweep. */
  remove(message: Message): void {
    if (this.#known.delete(getKey(message))) this.#changed()
  }

  /** Begins a listing of the whole source; returns the function that ends it and removes problems not met again. */
  sweep(): () => void {
    this.#generation += 1
    const generation = this.#generation
    return () => {
      const before = this.#known.size
      for (const [key, problem] of this.#known) {
        if (problem.generation < generation) this.#known.delete(key)
      }
      if (this.#known.size !== before) this.#changed()
    }
  }

  clear(): void {
    if (this.#known.size === 0) return
    this.#known.clear()
    this.#changed()
  }

  /** Lists the problems, newest last. */
  list(): Message[] {
    return [...this.#known.values()].map(({ message }) => message)
  }
}

function getKey({ key, params }: Message): string {
  return JSON.stringify([key, params.path ?? params.name ?? ''])
}

/** A continuous source: every finished file of the tree is sent. The tree is watched first, then compared. */
class ContinuousSession implements SourceSession {
  readonly #context: SessionContext
  readonly #opening: Promise<void>
  #watcher: TreeWatcher | null = null
  /** A rerun for each compared directory, so that an inner file system that hangs delays only itself. */
  readonly #reruns = new Map<string, Rerun>()
  /** Changed files with other names (hard links), by inode. */
  readonly #linked = new DelayQueue<LinkedFile>(GATHER_MS)
  /** Paths that were deleted or moved away. */
  #gone: string[] = []
  readonly #settling = new Rerun(
    () => settleGone(this.#context, this.#gone.splice(0)),
    (error) => this.#context.log(`deleted files of ${this.#context.source.path}: ${String(error)}`),
  )
  #linkedTimer: NodeJS.Timeout | null = null
  /** The last comparison reached its end. */
  #isComplete = false
  #isExamining = false

  constructor(context: SessionContext) {
    this.#context = context
    this.#opening = this.#open().catch((error) => {
      if (!context.signal.aborted) context.ended(error)
    })
  }

  async reconcile(): Promise<boolean> {
    await this.#opening
    this.#watcher?.refresh()
    await this.#compare('')
    return this.#isComplete
  }

  nudge(): void {}

  stop(): void {
    for (const rerun of this.#reruns.values()) rerun.stop()
    this.#settling.stop()
    if (this.#linkedTimer !== null) clearTimeout(this.#linkedTimer)
    this.#linked.clear()
    this.#watcher?.close()
  }

  async #open(): Promise<void> {
    const context = this.#context
    const opened = await context.watch({
      linked: (files) => this.#linkedChanged(files),
      directoriesChanged: (paths) => offerDirectories(context, paths),
      finished: (files) => void offerFiles(context, files),
      gone: (paths) => {
        if (paths === null) return context.compareSoon()
        this.#gone = this.#gone.concat(paths)
        void this.#settling.request()
      },
      lost: (base) => this.#compare(base),
      mark: () => undefined,
      entriesChanged: () => undefined,
    })
    if (context.signal.aborted) return opened.close()
    this.#watcher = opened
    // Only the first comparison shows this phase: a polled tree is compared all the time.
    context.update({ phase: 'listing' })
    await this.#compare('')
  }

  #compare(base: string): Promise<void> {
    const context = this.#context
    if (context.signal.aborted) return Promise.resolve()
    const known = this.#reruns.get(base)
    if (known !== undefined) return known.request()
    const rerun = new Rerun(
      async () => {
        const watcher = this.#watcher
        if (watcher === null) return
        if (base === '') await this.#compareAll(watcher)
        else {
          await reconcileTree(context, watcher, base)
          await sweepDeleted(context, base)
          // The map would otherwise keep an entry for each of many thousand directories.
          this.#reruns.delete(base)
        }
      },
      (error) => context.log(`reconcile ${context.source.path}: ${String(error)}`),
    )
    this.#reruns.set(base, rerun)
    return rerun.request()
  }

  async #compareAll(watcher: TreeWatcher): Promise<void> {
    const context = this.#context
    const finishSweep = context.sweep()
    this.#isComplete = false
    const { complete, known } = await reconcileTree(context, watcher, '')
    if (complete && !isAllThere(context, known)) await sweepDeleted(context, '')
    if (context.signal.aborted) return
    this.#isComplete = complete
    if (complete) finishSweep()
    context.update({ phase: watcher.method, ...(complete ? { compared: true } : {}) })
  }

  #linkedChanged(files: readonly LinkedFile[]): void {
    for (const file of files) {
      const inode = String(file.inode)
      const known = this.#linked.get(inode)
      if (known !== undefined) Object.assign(known, file)
      else if (!this.#linked.put(inode, { ...file })) this.#context.compareSoon()
    }
    this.#armLinked()
  }

  #armLinked(): void {
    if (this.#linkedTimer !== null || this.#isExamining || this.#linked.size === 0) return
    const delayMs = Math.max(0, this.#linked.nextDue - performance.now())
    this.#linkedTimer = setTimeout(() => void this.#examineLinked(), delayMs)
  }

  /**
   * Examines the other names of changed files. The ledger finds them by inode, with one query for each file; the
   * watcher examines a bounded number at a time.
   */
  async #examineLinked(): Promise<void> {
    const { source, ledger, destinations, signal, ledgerFailed, compareSoon } = this.#context
    this.#linkedTimer = null
    this.#isExamining = true
    for (const file of this.#linked.due()) {
      if (this.#watcher === null || signal.aborted) break
      try {
        // Twice the link count: some of the ledger's names may belong to an earlier file with this inode.
        const names = destinations.map((one) => ledger.otherNames(one, source.id, file, 2 * file.links + 256))
        const paths = [...new Set(names.flat())]
        for (let from = 0; from < paths.length; from += EXAMINED_AT_ONCE)
          await this.#watcher.examine(paths.slice(from, from + EXAMINED_AT_ONCE))
      } catch (error) {
        ledgerFailed(error)
        compareSoon()
      }
    }
    this.#isExamining = false
    if (!signal.aborted) this.#armLinked()
  }
}

/**
 * True if a comparison met all files that the ledger has, so that none is deleted.
 * @param known files that it met, each counted for every destination that knows it.
 */
function isAllThere({ source, ledger, destinations, ledgerFailed }: SessionContext, known: number): boolean {
  const isEqual = () => {
    const sums = destinations.map((one) => ledger.totals(one)[source.id] ?? noTotals)
    const all = sums.reduce((sum, one) => sum + one.waitingFiles + one.sentFiles + one.parkedFiles, 0)
    return ledger.isSwept(source.id) && all === known
  }
  return attempt(isEqual, false, ledgerFailed)
}
