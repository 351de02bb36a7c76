import { realpath, stat } from 'node:fs/promises'
import { toNameRules } from '../../filter/names.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import { throttle } from '../../lib/async/throttled.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { errorCode, errorText, isGone } from '../../platform/system-error.ts'
import type { Source } from '../../settings/schema.ts'
import { callOn } from '../../walk/calls.ts'
import { isReopenNeeded, type OpenFiles, type OpenScopedTree } from '../../watch/tree-watcher.ts'
import { BatchSession } from '../batch/batch-session.ts'
import { type MassChangeGuard, openMassChangeGuard } from '../reconcile/mass-change-guard.ts'
import { Young } from '../reconcile/minimum-age.ts'
import { withdrawLeftOut } from '../reconcile/withdraw-excluded.ts'
import type { MarkedAnswer, Scanned } from '../scanner-messages.ts'
import type { SessionContext, SourceSession } from '../source-session.ts'
import { startContinuous } from './continuous.ts'
import { MAX_PROBLEMS, Problems } from './problems.ts'
import { createMountScope, openHome } from './source-disk.ts'

/** Pause before a source is compared again because files could not be offered. */
const SOON_MS = 5_000

/** Schedules a source's comparisons with the ledger: on a timetable, and soon after files could not be offered. */
export function openComparisons(compare: () => Promise<void>, everyMs: number) {
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

/** Interval at which a source's own directory is checked, with one stat(2). */
const LOOK_EVERY_MS = 5_000

export interface SourceOptions {
  source: Source
  ledger: Ledger
  /** Destinations of its files, as the ledger names them; at least one. */
  destinations: readonly string[]
  reconcileSeconds: number
  quietSeconds: number
  openTree: OpenScopedTree
  offered(): void
  changed(): void
  log(message: string): void
}

/** A session and its resources. */
interface Current {
  session: SourceSession
  identity: string
  abort: AbortController
  young: Young
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
  readonly #losses: MassChangeGuard
  /** Problem of the directory itself; removed as soon as a check succeeds. */
  #rootProblem: Message | null = null
  #status: Omit<Scanned, 'id' | 'problems' | 'held'>
  #current: Current | null = null
  #looking: Promise<void> | null = null
  #lookTimer: NodeJS.Timeout | null = null
  readonly #stopping = new AbortController()

  constructor(options: SourceOptions) {
    this.#options = options
    this.#problems = new Problems(options.changed)
    const failed = (error: unknown) => this.#ledgerFailed(error)
    this.#home = openHome(options.source.id, options.ledger, failed)
    this.#losses = openMassChangeGuard({ ...options, failed })
    const phase = options.source.paused ? 'paused' : 'starting'
    this.#status = { phase, compared: false, batches: [] }
    void this.#withdraw()
    if (!options.source.paused) void this.#look()
  }

  scanned(): Scanned {
    const problems = this.#problems.list()
    if (this.#rootProblem !== null) problems.push(this.#rootProblem)
    const held = this.#losses.held()
    return { id: this.#options.source.id, ...this.#status, held, problems: problems.slice(-MAX_PROBLEMS) }
  }

  /** Compares the source with the ledger, after finding its directory if necessary. */
  async reconcile(): Promise<void> {
    if (this.#options.source.paused || this.#stopping.signal.aborted) return
    await this.#look()
    if (this.#current !== null) await this.#compare(this.#current.session)
  }

  async #compare(session: SourceSession): Promise<void> {
    // Repeated here, since the ledger may have failed at the last attempt.
    await this.#withdraw()
    if (this.#current?.session === session) await session.reconcile()
  }

  nudge(): void {
    this.#current?.session.nudge()
  }

  /** A person wants everything sent in its present state. Throws the ledger's errors. */
  release(): void {
    this.#losses.release()
    this.#options.offered()
  }

  /** Carries out a person's decision about files with isocket's mark. */
  async answerMarked(answer: MarkedAnswer): Promise<void> {
    await this.#current?.session.answerMarked?.(answer)
  }

  /** Returns files that have lost their content; at most `limit`. */
  lostPaths(limit: number): string[] {
    return this.#losses.paths(limit)
  }

  stop(): void {
    this.#losses.stop()
    this.#stopping.abort()
    if (this.#lookTimer !== null) clearTimeout(this.#lookTimer)
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
  #look(): Promise<void> {
    if (this.#lookTimer !== null) clearTimeout(this.#lookTimer)
    this.#looking ??= this.#lookNow().finally(() => {
      this.#looking = null
      if (!this.#stopping.signal.aborted) this.#lookTimer = setTimeout(() => void this.#look(), LOOK_EVERY_MS)
    })
    return this.#looking
  }

  async #lookNow(): Promise<void> {
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
    const young = new Young({
      minimumAgeSeconds: source.minimumAgeSeconds,
      ripe: whileLive((paths) => session.ripe(paths)),
    })
    const context: SessionContext = {
      source,
      root,
      device,
      isThere: () => this.#home.isThere(),
      scope,
      ledger,
      destinations,
      quietMs: quietSeconds * 1000,
      young,
      massChangeGuard: this.#losses,
      watch: (events, leaveOut = []) =>
        openTree(
          { root, base: '', names: toNameRules(source), leaveOut },
          { ...events, problem, ended, writing },
          scope,
        ),
      signal: abort.signal,
      offered,
      sweep: () => this.#problems.sweep(),
      problem,
      ledgerFailed,
      solved: whileLive((one) => this.#problems.remove(one)),
      update: whileLive((change) => this.#update(change)),
      ended,
      compareSoon: whileLive(() => comparisons.soon()),
      log,
    }
    this.#rootProblem = null
    this.#update({ phase: 'starting', compared: false, open: null })
    const comparisons = openComparisons(() => this.#compare(session), reconcileSeconds * 1000)
    const session = source.kind === 'batch' ? new BatchSession(context) : startContinuous(context)
    this.#current = { session, identity, abort, young, comparisons }
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
    void this.#look()
  }

  #endSession(): void {
    this.#current?.comparisons.stop()
    this.#current?.abort.abort()
    this.#current?.session.stop()
    this.#current?.young.close()
    this.#current = null
  }

  #update(change: Partial<Omit<Scanned, 'id' | 'problems' | 'held'>>): void {
    this.#status = { ...this.#status, ...change }
    this.#options.changed()
  }
}
