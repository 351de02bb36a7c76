import { randomBytes } from 'node:crypto'
import { open, unlink } from 'node:fs/promises'
import path from 'node:path'
import { ignoreError, warnUnlessCode } from '../../dropped-errors.ts'
import { createNameFilter, toNameRules } from '../../filter/exclusion-rules.ts'
import type { BatchMessages } from '../../ledger/contract.ts'
import { attempt } from '../../ledger/ledger.ts'
import { Rerun } from '../../lib/async/rerun.ts'
import { createSemaphore } from '../../lib/async/semaphore.ts'
import { throttle, untilAborted, withTimeout } from '../../lib/async/timing.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import { WRITE_NEW_FILE } from '../../platform/fd.ts'
import { errorCode, errorText, isGone } from '../../platform/system-error.ts'
import { hasOwnClosedMark, type Source } from '../../settings/schema.ts'
import type { ScannedFile } from '../../walk/scanned-file.ts'
import { callOn, describeUnsendable } from '../../walk/walk.ts'
import type { TreeWatcher } from '../../watch/tree-watcher.ts'
import { settleGone, sweepDeleted } from '../reconcile/deletions.ts'
import { countUnsent, findUnknown, GROUP_WRITE, NO_MARKS, offerEverywhere } from '../reconcile/ledger-diff.ts'
import { offerFiles } from '../reconcile/reconcile.ts'
import type { MarkedAnswer, Scanned } from '../scanner-messages.ts'
import type { SessionContext, SourceSession } from '../source-session.ts'
import { BatchEffects, type BatchServices } from './effects.ts'
import { Marking } from './marking.ts'
import { readBatches } from './read-batches.ts'
import { type BatchDecision, type BatchMetadata, decideBatches, FirstSeen, getIdentity } from './rules.ts'

/** Limit of directories whose reported sentences are remembered. */
const MOST_SAID = 20
/** Batch directories of one source that are listed at the same time; the oldest first. */
const LISTINGS_AT_ONCE = 4
/** Events in the root are collected for this long before the batch directories are read. */
const LOOK_AFTER_MS = 50
const NUDGE_AFTER_MS = 100
const REPORT_AFTER_MS = 100
/** Time limit for the reply to a person's decision, carried out or not. */
const ANSWER_WITHIN_MS = 8_000

/** Limit of directories with isocket's mark that a report names. */
const MOST_NAMED = 5

/** Limit of batch directories in one report. */
const MAX_BATCHES = 20

/** Limit of directories that one sentence names. */
const MAX_NAMES = 5

/** Modes with and without the group-write bit; only the owner can read the file. */
const MODES = [0o600 | GROUP_WRITE, 0o600] as const

interface OpenBatch {
  marking: Marking
  effects: BatchEffects
  identity: string
  abort: AbortController
}

/**
 * A batch source (isocket's batch directories), watched and compared like any other. Each look at its child directories
 * decides about every one (rules.ts). Its Marking marks it (marking.ts). Directories that were marked before the session,
 * or before its last comparison, are not watched: comparisons find what is written in them later.
 */
export class BatchSession implements SourceSession, BatchServices {
  readonly context: SessionContext
  readonly watcher = { examine: async (paths: readonly string[]) => this.#watcher?.examine(paths) }
  readonly listings = createSemaphore(LISTINGS_AT_ONCE)
  /** Unmarked directories by name. `identity`: another directory may have taken the name since; see getIdentity. */
  readonly #open = new Map<string, OpenBatch>()
  readonly #firstSeen = new FirstSeen()
  readonly #look: Rerun
  readonly #opening: Promise<void>
  #decisions: BatchDecision[] = []
  #watcher: TreeWatcher | null = null
  /** Identities of all directories at the last look, by name. */
  #identities: ReadonlyMap<string, string> = new Map()
  /** Directories that are marked as sent and not watched; null: before the first look. */
  #resting: readonly string[] | null = null
  /** Directories that were marked as sent at the last comparison. */
  #marked: ReadonlySet<string> = new Set()
  /** Numbers of files that await a person's decision, in marked directories. */
  readonly #unproven = new Map<string, number>()
  #hasComparedMarked = false
  /** Marked directories whose own closing mark follows when their files are sent. */
  readonly #owingMark = new Set<string>()
  readonly #lookLater = throttle(LOOK_AFTER_MS, () => void this.#look.request())
  readonly #nudgeLater = throttle(NUDGE_AFTER_MS, () => this.#nudgeAll())
  readonly #reportLater = throttle(REPORT_AFTER_MS, () => this.#reportNow())
  #hasLooked = false
  /** A person's decision about files with isocket's mark, while all directories are listed to carry it out. */
  #answer: MarkedAnswer | null = null

  constructor(context: SessionContext) {
    this.context = context
    this.#look = new Rerun(
      () => this.#lookNow(),
      (error) => this.#lookFailed(error),
    )
    this.#opening = this.#watch().catch((error) => {
      if (!this.#isOver) context.ended(error)
    })
  }

  async reconcile(): Promise<boolean> {
    await this.#opening
    const finishSweep = this.context.sweep()
    this.#watcher?.refresh()
    await this.#relistAll()
    if (!this.#isOver) await sweepDeleted(this.context, '', 'first')
    if (this.#isOver) return false
    finishSweep()
    this.#reportCompared()
    return this.#isListed
  }

  nudge(): void {
    this.#nudgeLater()
  }

  /** Lists all directories once, and carries out the decision for each file that it concerns. */
  async answerMarked(answer: MarkedAnswer): Promise<void> {
    await this.#opening
    if (this.#isOver) return
    this.#answer = answer
    const listing = this.#relistAll().finally(() => {
      this.#answer = null
      this.report()
    })
    // A large tree takes longer than the time limit of a reply; the listing continues.
    await withTimeout(ANSWER_WITHIN_MS, listing)
  }

  stop(): void {
    for (const later of [this.#lookLater, this.#nudgeLater, this.#reportLater]) later.stop()
    this.#look.stop()
    this.#watcher?.close()
    this.#forget(() => true)
  }

  get #isOver(): boolean {
    return this.context.signal.aborted
  }

  get #isListed(): boolean {
    const states = [...this.#open.values()].map(({ marking }) => marking.state)
    return this.#hasLooked && states.every(({ sent, found }) => sent || found !== null)
  }

  async #watch(): Promise<void> {
    const context = this.context
    await this.#adopt()
    // Find the marked directories first: they need no watch.
    await this.#look.request()
    if (this.#isOver) return
    const watcher = await context.watch(
      {
        finished: (files) => this.offer(files),
        // The listing before a directory's mark finds further hard links.
        linked: () => undefined,
        directoriesChanged: () => undefined,
        gone: (paths) => {
          if (paths === null) return context.compareSoon()
          // A waiting file that is gone delays the mark of its directory no longer.
          void settleGone(context, paths).then(() => this.#nudgeLater())
        },
        mark: (path) => this.#markAppeared(path),
        entriesChanged: () => this.lookSoon(),
        lost: (base) => this.#relistAll(base),
      },
      this.#resting ?? [],
    )
    if (this.#isOver) return watcher.close()
    this.#watcher = watcher
    context.update({ phase: 'listing' })
    await this.#look.request()
    // Report "watching" only after every directory has had its first listing.
    await Promise.all([...this.#open.values()].map(({ marking }) => marking.nudge()))
    await this.#compareMarked()
    if (!this.#isOver) await sweepDeleted(context, '', 'first')
    if (this.#isOver) return
    // Report the batches before the phase: "watching" with an outdated list would look as if all were done.
    this.#reportNow()
    context.update({ phase: watcher.method })
    this.#reportCompared()
  }

  /**
   * Records when the source was first seen, and reports a failing ledger. Until the time is known, every mark is in
   * doubt.
   */
  async #adopt(): Promise<void> {
    const { ledger, source, root, signal, ledgerFailed } = this.context
    try {
      if (ledger.adoptedNs(source.id) !== null) return
      const { batches } = await readBatches(root, source, createNameFilter(toNameRules(source)))
      // Holdfast sent the files here, in an installation whose ledger is lost: no bit is isocket's.
      const isOwn = batches.some(
        ({ sentAtNs, foreignSinceNs }) => sentAtNs !== null && foreignSinceNs === null,
      )
      const at = isOwn ? NO_MARKS : await untilAborted(signal, findAdoption(root))
      if (!this.#isOver) ledger.rememberAdopted(source.id, at)
    } catch (error) {
      if (!this.#isOver) ledgerFailed(error)
    }
  }

  async #lookNow(): Promise<void> {
    const { source, root, problem } = this.context
    const filter = createNameFilter(toNameRules(source))
    // If this session marked a directory and the mark is now missing, it has been removed: the directory starts again.
    const marked = new Set(
      [...this.#open].filter(([, { marking }]) => marking.state.sent).map(([name]) => name),
    )
    const { batches, unsendable } = await readBatches(root, source, filter)
    if (this.#isOver) return
    for (const one of unsendable) problem(describeUnsendable(root, one))
    const firstSeen = this.#firstSeen.note(batches, unsendable)
    this.#decisions = decideBatches(batches, hasOwnClosedMark(source.batch), firstSeen)
    const identities = new Map(batches.map((one) => [one.name, getIdentity(one)]))
    this.#identities = identities
    this.#leaveOutResting()
    this.#hasLooked = true
    if (this.#watcher === null) return
    const unfinished = this.#decisions.filter(({ action }) => action !== 'nothing')
    const names = new Set(unfinished.map(({ name }) => name))
    this.#forget(
      (name, identity) => !names.has(name) || identity !== identities.get(name) || marked.has(name),
    )
    // Not awaited: a directory's marking may request another look.
    for (const { name, closed, newest } of unfinished)
      void this.#begin(name, identities.get(name) ?? '').look({ closed, newest })
    this.#reportMarked(batches.filter(({ sentAtNs }) => sentAtNs !== null))
    const notClosed = describeNotClosed(this.#decisions, source.batch)
    if (notClosed !== null) problem(notClosed)
    this.report()
  }

  /** Ends the rest of directories that have lost their mark. At the first look, all marked ones rest. */
  #leaveOutResting(): void {
    const marked = new Set(this.#listMarked())
    this.#rest((this.#resting ?? [...marked]).filter((name) => marked.has(name)))
  }

  /** Gives up the watches of directories that were marked at the last comparison, too: late files come soon. */
  #restMarked(): void {
    const marked = this.#listMarked()
    const resting = new Set(this.#resting)
    this.#rest(marked.filter((name) => this.#marked.has(name) || resting.has(name)))
    this.#marked = new Set(marked)
  }

  #listMarked(): string[] {
    return this.#decisions.filter(({ action }) => action === 'nothing').map(({ name }) => name)
  }

  #rest(names: readonly string[]): void {
    const before = this.#resting
    this.#resting = names
    if (before?.join('/') === names.join('/')) return
    const { own, root } = this.context
    this.#watcher?.leaveOut([...names, ...own.below(root)])
  }

  #forget(isOver: (name: string, identity: string) => boolean): void {
    for (const [name, { marking, identity, abort }] of this.#open) {
      if (!isOver(name, identity)) continue
      marking.stop()
      abort.abort()
      this.#open.delete(name)
    }
  }

  /** Returns the marking of a directory; creates it if necessary. */
  #begin(name: string, identity: string): Marking {
    const known = this.#open.get(name)
    if (known !== undefined) return known.marking
    const abort = new AbortController()
    const brought = (files: number) => marking.brought(files)
    const effects = new BatchEffects(this, { name, identity, signal: abort.signal, brought })
    const marking = new Marking(effects, this.context.quietMs)
    this.#open.set(name, { marking, effects, identity, abort })
    return marking
  }

  #reportMarked(batches: readonly BatchMetadata[]): void {
    const { ledger, source, problem } = this.context
    const marked = new Map(batches.map((one) => [one.name, getIdentity(one)]))
    const said = ledger.saidBatches(source.id).filter(({ name, identity }) => marked.get(name) === identity)
    const isLate = ({ key }: Message) => key === 'scan.lateInBatch'
    for (const one of said) for (const sentence of one.said) if (!isLate(sentence)) problem(sentence)
    const late = said.filter((one) => one.said.some(isLate))
    if (late.length === 0) return
    const count = late
      .flatMap((one) => one.said.filter(isLate))
      .reduce((sum, { params }) => sum + Number(params.count), 0)
    const names = listNames(late.map(({ name }) => name))
    problem(message('scan.lateInBatch', { count, names, mark: source.batch.sentMark, path: source.path }))
  }

  /** Replaces what is said about a marked directory while it keeps its mark. Durable when it returns. */
  #say(name: string, change: (said: readonly Message[]) => Message[]): void {
    const { ledger, source, solved } = this.context
    const identity = this.#identities.get(name) ?? ''
    const all = ledger.saidBatches(source.id)
    const before = all.find((one) => one.name === name && one.identity === identity)?.said ?? []
    const said = change(before)
    if (JSON.stringify(said) === JSON.stringify(before)) return
    const others = all.filter((one) => one.name !== name)
    const now = said.length === 0 ? others : [...others, { name, identity, said }]
    ledger.rememberSaid(source.id, now.slice(-MOST_SAID))
    // A look reports what is still said, and removes nothing.
    for (const one of before) if (!said.some(({ key }) => key === one.key)) solved(one)
    this.lookSoon()
  }

  /** Files of a marked directory are being sent that no destination is known to have. */
  #cameLate(name: string, files: number): void {
    const { source, log } = this.context
    const mark = source.batch.sentMark
    log(
      `${name} is marked as sent, and ${files} of its files are not known to be at a destination: they are sent`,
    )
    this.#say(name, (said) => {
      const known = said.find(({ key }) => key === 'scan.lateInBatch')
      const count = Number(known?.params.count ?? 0) + files
      const sentence = message('scan.lateInBatch', { count, names: name, mark, path: source.path })
      return [...said.filter((one) => one !== known), sentence]
    })
  }

  /**
   * Compares directories that are marked as sent with the ledger: a mark proves nothing about what was written after it,
   * about a destination that was added later, or about any if another installation made it. Of what another program's mark
   * may stand for, a person decides.
   */
  async #compareMarked(only = ''): Promise<void> {
    const { signal } = this.context
    const marked = this.#decisions.filter(
      ({ name, action }) => action === 'nothing' && (only === '' || name === only),
    )
    const compare = async ({ name, foreignSinceNs }: BatchDecision) => {
      const identity = this.#identities.get(name) ?? ''
      const abort = new AbortController()
      const effects = new BatchEffects(this, {
        name,
        identity,
        signal: AbortSignal.any([signal, abort.signal]),
        brought: () => undefined,
      })
      try {
        const { leftOut, seen, complete, unproven, owesOwnMark } = await effects.compareMarked(foreignSinceNs)
        if (complete || unproven > 0) this.#unproven.set(name, unproven)
        if (owesOwnMark) this.#owingMark.add(name)
        // The filters may have been changed since the mark.
        if (complete) this.#say(name, (said) => said.flatMap((one) => reviseMarked(one, leftOut, seen)))
      } catch (error) {
        if (!this.#isOver) effects.failed('list', error)
      } finally {
        abort.abort()
      }
    }
    const remaining = [...marked]
    const next = async () => {
      for (let one = remaining.shift(); one !== undefined && !this.#isOver; one = remaining.shift())
        await compare(one)
    }
    await Promise.all(Array.from({ length: LISTINGS_AT_ONCE }, next))
    if (this.#isOver) return
    if (only === '') this.#hasComparedMarked = true
    this.report()
  }

  #lookFailed(error: unknown): void {
    if (this.#isOver) return
    // The source's own check reports that its directory is gone.
    if (isGone(errorCode(error))) {
      this.context.ended(error)
      return
    }
    const reason = errorText(error)
    this.context.problem(message('scan.listingFailed', { path: this.context.source.path, reason }))
  }

  offer(files: readonly ScannedFile[]): void {
    for (const [name, some] of byBatch(files)) {
      const marking = this.#open.get(name)?.marking
      const isMarked =
        marking?.isMarked ?? this.#decisions.some((one) => one.name === name && one.action === 'nothing')
      const unknown = isMarked ? findUnknown(this.context, some).length : 0
      const waiting = offerFiles(this.context, some)
      const late = Math.min(unknown, waiting)
      if (late > 0) this.#cameLate(name, late)
      if (marking === undefined || waiting === 0) continue
      marking.brought(some.length)
      // A directory that receives files may be the newest after all.
      if (!marking.state.closed && !marking.state.newest) this.lookSoon()
    }
  }

  #markAppeared(path: string): void {
    const [name = '', mark, ...deeper] = path.split('/')
    if (deeper.length > 0) return
    if (mark === this.context.source.batch.closedMark) void this.#open.get(name)?.marking.close()
    this.lookSoon()
  }

  /** @param base limits the listing to the batch directory of this path; "": all. */
  async #relistAll(base = ''): Promise<void> {
    const [only = ''] = base.split('/', 1)
    const known = [...this.#open].filter(([name]) => only === '' || name === only)
    await this.#look.request()
    // First: the comparison finds what no watch reports any more.
    if (only === '') this.#restMarked()
    await Promise.all(known.map(([, { marking }]) => marking.relist()))
    await this.#compareMarked(only)
  }

  /** Reports the source as compared once every directory was found and listed, so that its files are in the ledger. */
  #reportCompared(): void {
    if (this.#isListed) this.context.update({ compared: true })
  }

  #nudgeAll(): void {
    for (const { marking } of this.#open.values()) void marking.nudge()
    this.#sendOwnMarks()
    this.report()
  }

  /** Stops at the first directory with waiting files, as each count reads all of them. */
  #sendOwnMarks(): void {
    const { ledger, destinations, source, ledgerFailed } = this.context
    for (const name of this.#owingMark) {
      const count = () => countUnsent(ledger, destinations, source.id, name)
      const unsent = attempt(count, null, ledgerFailed)
      if (unsent === null || unsent.waiting > 0) return
      if (unsent.parked > 0) continue
      this.#owingMark.delete(name)
      void this.#compareMarked(name)
    }
  }

  lookSoon(): void {
    if (!this.#isOver) this.#lookLater()
  }

  async isOvertaken(name: string): Promise<boolean> {
    await this.#look.request()
    const decision = this.#decisions.find((one) => one.name === name)
    return decision !== undefined && !decision.newest
  }

  /**
   * Records the sentences about a batch before its mark is made: a look at a marked directory does not find them again,
   * and after a restart they must be reported.
   */
  beforeMark(batch: BatchMessages): void {
    const { ledger, source } = this.context
    const known = ledger.saidBatches(source.id)
    const there = new Set(this.#decisions.map(({ name }) => name))
    const now = known.filter(({ name }) => name !== batch.name && there.has(name))
    if (batch.said.length > 0) now.push(batch)
    if (now.length > 0 || known.length > 0) ledger.rememberSaid(source.id, now.slice(-MOST_SAID))
  }

  afterMark(said: readonly Message[]): void {
    for (const sentence of said) {
      this.context.problem(sentence)
      this.context.log(englishWords(sentence))
    }
  }

  /**
   * Carries out a person's decision about files with isocket's mark; false: there is no decision. Files to be sent are
   * queued without an examination: the sender notices a change while it reads.
   */
  decide(files: readonly ScannedFile[]): boolean {
    const { ledger, source, destinations, offered } = this.context
    if (this.#answer === null) return false
    if (this.#answer === 'confirm') ledger.confirmSent(destinations, source.id, files, Date.now())
    else this.#sendMarked(files)
    offered()
    return true
  }

  sendOwn(files: readonly ScannedFile[]): void {
    this.#sendMarked(files)
    for (const [name, some] of byBatch(files)) this.#cameLate(name, some.length)
    this.context.offered()
  }

  #sendMarked(files: readonly ScannedFile[]): void {
    const { ledger, source, destinations } = this.context
    const candidates = files.map((scanned) => ({ source: source.id, ...scanned }))
    offerEverywhere(ledger, destinations, candidates)
  }

  /** Schedules a report: a burst of events causes one report and one query of the ledger. */
  report(): void {
    if (!this.#isOver) this.#reportLater()
  }

  #reportNow(): void {
    const context = this.context
    try {
      const getState = (name: string) => this.#open.get(name)?.marking.state
      context.update({ batches: batchReport(context, this.#decisions, getState), marked: this.#markedNow() })
    } catch (error) {
      context.log(`batches of ${context.source.path}: ${String(error)}`)
    }
  }

  #markedNow(): Scanned['marked'] {
    const counted = this.#decisions.flatMap(({ name, action }) => {
      const files = action === 'nothing' ? this.#unproven.get(name) : this.#open.get(name)?.effects.unproven
      return files === undefined || files === 0 ? [] : [{ name, files }]
    })
    // Before all directories are listed the count is unknown: leave an earlier incident open.
    if (counted.length === 0) return this.#isListed && this.#hasComparedMarked ? null : undefined
    const files = counted.reduce((sum, one) => sum + one.files, 0)
    return { files, directories: counted.map(({ name }) => name).slice(-MOST_NAMED) }
  }
}

/**
 * Builds the report of the batch directories, newest last: unmarked ones take precedence over marked ones, and the
 * newest of each kind are kept.
 */
function batchReport(
  { ledger, destinations, source }: SessionContext,
  decisions: readonly BatchDecision[],
  getState: (name: string) => Marking['state'] | undefined,
): Scanned['batches'] {
  const isMarked = ({ name, action }: BatchDecision) => action === 'nothing' || getState(name)?.sent === true
  const unmarked = decisions.filter((one) => !isMarked(one)).slice(-MAX_BATCHES)
  const room = MAX_BATCHES - unmarked.length
  const marked = room > 0 ? decisions.filter(isMarked).slice(-room) : []
  const shown = new Set([...unmarked, ...marked])
  return decisions
    .filter((one) => shown.has(one))
    .map((decision) => {
      const { name } = decision
      const state = getState(name)
      const closed = state?.closed ?? decision.closed
      const { waiting, parked } = countUnsent(ledger, destinations, source.id, name)
      if (isMarked(decision)) {
        // Files that were written later wait.
        if (waiting + parked > 0) return { name, phase: 'closing', waiting: waiting + parked }
        return { name, phase: closed ? 'sent' : 'not-closed', waiting: 0 }
      }
      // Files that were found but not offered, since a program has them open, count as waiting.
      const held = closed && waiting + parked === 0 ? (state?.found ?? 0) : 0
      const live = state?.newest ?? decision.newest
      return { name, phase: closed ? 'closing' : live ? 'live' : 'waiting', waiting: waiting + parked + held }
    })
}

/** Builds one sentence for all directories that were not closed properly, naming the newest; null: all were closed. */
function describeNotClosed(
  decisions: readonly BatchDecision[],
  { closedMark, sentMark }: Pick<Source['batch'], 'closedMark' | 'sentMark'>,
): Message | null {
  const names = decisions.filter(({ notClosed }) => notClosed).map(({ name }) => name)
  if (names.length === 0) return null
  return message('scan.notClosed', { count: names.length, names: listNames(names), closedMark, sentMark })
}

/** Groups files by their batch directories. */
const byBatch = (files: readonly ScannedFile[]): Map<string, ScannedFile[]> =>
  Map.groupBy(files, ({ path }) => path.split('/', 1)[0] ?? '')

/** Returns what is still true of a sentence about files that a marked directory's mark does not stand for. */
function reviseMarked(said: Message, leftOut: number, seen: number): Message[] {
  if (said.key === 'scan.emptyBatch') return seen === 0 ? [said] : []
  if (said.key !== 'scan.leftInBatch') return [said]
  return leftOut === 0 ? [] : [{ ...said, params: { ...said.params, count: leftOut } }]
}

/** Names the newest of some directories, which are ordered by age. */
function listNames(names: readonly string[]): string {
  const some = names.slice(-MAX_NAMES).reverse().join(', ')
  return names.length > MAX_NAMES ? `${some}, …` : some
}

/**
 * Returns the time at which a batch source is adopted: now, by the clock of its file system, in nanoseconds since
 * 1970, or NO_MARKS if the file system keeps no group-write bit (exFAT, NTFS, CIFS, and all on Windows). Tests this on
 * a new file, since changing the mode of an existing one would change its ctime. If no file can be made, the bit is
 * taken to count and the local clock is used: a person is then asked about earlier files, and none is lost.
 */
function findAdoption(root: string): Promise<bigint> {
  return callOn(root, async () => {
    // Scans ignore this name.
    const file = path.join(root, `.holdfast-probe-${random()}-${process.pid}-${random()}-0`)
    const handle = await open(file, WRITE_NEW_FILE, 0o600).catch(
      ignoreError('a source that cannot be written to is adopted by the local clock', null),
    )
    if (handle === null) return BigInt(Date.now()) * 1_000_000n
    try {
      let at = NO_MARKS
      for (const mode of MODES) {
        await handle.chmod(mode)
        const stats = await handle.stat({ bigint: true })
        if ((Number(stats.mode) & GROUP_WRITE) !== (mode & GROUP_WRITE)) return NO_MARKS
        at = stats.ctimeNs
      }
      return at
    } catch (thrown) {
      // The system refused to change the mode of our own file: modes are not kept.
      if (errorCode(thrown) === null) throw thrown
      return NO_MARKS
    } finally {
      await handle.close()
      await unlink(file).catch((error) =>
        warnUnlessCode(error, ['ENOENT'], 'the file of a test of mode bits stays'),
      )
    }
  })
}

const random = () => randomBytes(4).toString('hex')
