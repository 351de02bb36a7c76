import { errorCode, errorText, isGone } from '../../files/system-error.ts'
import { createNameFilter, nameRulesOf } from '../../filter/names.ts'
import { Rerun } from '../../pacing/rerun.ts'
import { createSemaphore } from '../../pacing/semaphore.ts'
import { throttled } from '../../pacing/throttled.ts'
import { message } from '../../words/message.ts'
import { examineAll } from '../compare/young.ts'
import type { Session, SessionContext } from '../session.ts'
import type { FileFacts } from '../tree/facts.ts'
import { absolutePath } from '../tree/facts.ts'
import { unsendableWords } from '../tree/unsendable.ts'

import type { TreeWatcher } from '../watch/tree-watcher.ts'
import { BatchDirectory } from './directory.ts'
import type { BatchesHost } from './effects.ts'
import { directoryEffects } from './effects.ts'
import { FirstSeen } from './first-seen.ts'
import { lookAtBatches } from './look.ts'
import type { BatchDecision } from './rules.ts'
import { decideBatches, identityOf } from './rules.ts'
import { batchReport, notClosedWords } from './words.ts'

/** Batch directories of one source that are listed at once; the oldest first. */
const LISTINGS_AT_ONCE = 4
/** Events in the root are gathered for this long before it is looked at. */
const LOOK_AFTER_MS = 50
const NUDGE_AFTER_MS = 100
const REPORT_AFTER_MS = 100

/** A batch source (isocket's batch directories): its child directories, each by the rules of rules.ts and the steps of steps.ts. */
export function startBatch(context: SessionContext): Session {
  return new BatchSession(context)
}

class BatchSession implements Session, BatchesHost {
  readonly context: SessionContext
  readonly listings = createSemaphore(LISTINGS_AT_ONCE)
  readonly watchers = new Map<string, TreeWatcher>()
  readonly #open = new Map<string, BatchDirectory>()
  /** Which directories those are: another one may have taken a name since. */
  readonly #identities = new Map<string, string>()
  readonly #unwatched = new Map<string, number>()
  /** Files that counted as sent by their group-write bit alone, by the directory that is marked. */
  readonly #neverSent = new Map<string, number>()
  readonly #firstSeen = new FirstSeen()
  /** Answers that another look follows already. */
  readonly #awaited = new WeakSet<Promise<void>>()
  readonly #look: Rerun
  readonly #opening: Promise<void>
  #decisions: BatchDecision[] = []
  #root: TreeWatcher | null = null
  readonly #lookLater = throttled(LOOK_AFTER_MS, () => void this.#look.request())
  readonly #nudgeLater = throttled(NUDGE_AFTER_MS, () => this.#nudgeAll())
  readonly #reportLater = throttled(REPORT_AFTER_MS, () => this.#reportNow())
  #stopped = false
  #hasLooked = false

  constructor(context: SessionContext) {
    this.context = context
    this.#look = new Rerun(
      () => this.#lookNow(),
      (thrown) => this.#lookFailed(thrown),
    )
    this.#opening = this.#watchRoot().catch((thrown) => {
      if (!this.#stopped) context.ended(thrown)
    })
  }

  async reconcile(): Promise<void> {
    await this.#opening
    const finishSweep = this.context.sweep()
    const known = [...this.#open.values()]
    await this.#look.request()
    await Promise.all(known.map((directory) => directory.relist()))
    if (this.#stopped) return
    finishSweep()
    this.#tellCompared()
  }

  nudge(): void {
    this.#nudgeLater()
  }

  ripe(paths: string[]): void {
    const byDirectory = Map.groupBy(paths, (file) => file.split('/', 1)[0] ?? '')
    for (const [name, files] of byDirectory) {
      const watcher = this.watchers.get(name)
      if (watcher === undefined) continue
      // Also a file that is gone meanwhile lets its directory go on.
      void examineAll(watcher, files).then(() => this.#open.get(name)?.nudge())
    }
  }

  stop(): void {
    this.#stopped = true
    for (const later of [this.#lookLater, this.#nudgeLater, this.#reportLater]) later.stop()
    this.#look.stop()
    this.#root?.close()
    for (const directory of this.#open.values()) directory.stop()
    this.#open.clear()
  }

  /** Something may have changed which directory is the newest. */
  lookSoon(): void {
    if (!this.#stopped) this.#lookLater()
  }

  markedUnsent(name: string, files: number): void {
    this.#neverSent.delete(name)
    if (files === 0) return
    this.#neverSent.set(name, files)
    this.#sayNeverSent(name)
    this.context.log(`${files} files in ${name} count as sent by their group-write bit alone`)
  }

  async isOvertaken(name: string): Promise<boolean> {
    await this.#look.request()
    const decision = this.#decisions.find((one) => one.name === name)
    return decision !== undefined && !decision.newest
  }

  brought(name: string, files: FileFacts[], waiting: number): void {
    const directory = this.#open.get(name)
    if (directory === undefined || waiting === 0) return
    directory.brought(files.length)
    // A directory that gets files may be the newest after all.
    if (!directory.state.closed && !directory.state.newest) this.lookSoon()
  }

  unwatchedIn(name: string, count: number): void {
    if (count === 0) this.#unwatched.delete(name)
    else this.#unwatched.set(name, count)
    const sum = [...this.#unwatched.values()].reduce((total, one) => total + one, 0)
    this.context.update({ unwatchedDirectories: sum })
  }

  /** Tells the view before long: a burst of events makes one report, and one look into the ledger. */
  report(): void {
    if (!this.#stopped) this.#reportLater()
  }

  #nudgeAll(): void {
    for (const directory of this.#open.values()) void directory.nudge()
    this.report()
  }

  #reportNow(): void {
    try {
      this.context.update({ batches: batchReport(this.context, this.#decisions, this.#open) })
    } catch (thrown) {
      this.context.log(`batches of ${this.context.source.path}: ${String(thrown)}`)
    }
  }

  async #watchRoot(): Promise<void> {
    const { context } = this
    const names = nameRulesOf(context.source)
    const request = { root: context.root, base: '', recursive: false, names, signals: [] }
    const watcher = await context.openTree(request, {
      finished: () => undefined,
      signal: () => undefined,
      entriesChanged: () => this.lookSoon(),
      lost: () => this.lookSoon(),
      poll: async () => this.lookSoon(),
      unwatched: (count) => this.unwatchedIn('', count),
      problem: context.problem,
      gone: () => context.ended(null),
      failed: (thrown) => context.ended(thrown),
    })
    if (this.#stopped) return watcher.close()
    this.#root = watcher
    context.update({ phase: 'listing' })
    await this.#look.request()
    // Watching is said when every directory has had its first listing.
    await Promise.all([...this.#open.values()].map((directory) => directory.nudge()))
    if (this.#stopped) return
    // Together with what it found: "watching" with an older list of batches would say that all is done.
    this.#reportNow()
    context.update({ phase: watcher.method })
    this.#tellCompared()
  }

  /** Every directory was found and listed: what was there is in the ledger. */
  #tellCompared(): void {
    const isListed = [...this.#open.values()].every(({ state }) => state.sent || state.listing !== null)
    if (this.#hasLooked && isListed) this.context.update({ compared: true })
  }

  async #lookNow(): Promise<void> {
    const { source, root } = this.context
    const filter = createNameFilter(nameRulesOf(source))
    // One of them that has no mark now has lost it before any look saw it, and begins anew.
    const marked = new Set([...this.#open].flatMap(([name, { state }]) => (state.sent ? [name] : [])))
    const { batches, unsendable, late } = await lookAtBatches(root, source, filter)
    if (this.#stopped) return
    for (const one of unsendable) this.context.problem(unsendableWords(root, one))
    for (const answer of late) {
      // The same one comes with each look while its disk hangs.
      if (!this.#awaited.has(answer)) void answer.then(() => this.lookSoon())
      this.#awaited.add(answer)
    }
    this.#decisions = decideBatches(batches, this.#firstSeen.note(batches, unsendable))
    const identities = new Map(batches.map((one) => [one.name, identityOf(one)]))
    for (const name of this.#neverSent.keys()) if (!identities.has(name)) this.#neverSent.delete(name)
    const unfinished = this.#decisions.filter(({ action }) => action !== 'nothing')
    const isKnown = (name: string) => this.#identities.get(name) === identities.get(name) && !marked.has(name)
    this.#forgetOthers(new Set(unfinished.map(({ name }) => name).filter(isKnown)))
    // Not waited for: a directory's steps may need another look.
    for (const { name, closed, newest } of unfinished)
      void this.#directory(name, identities.get(name) ?? '').look({ closed, newest })
    for (const { name } of this.#decisions) this.#sayNeverSent(name)
    this.#sayNotClosed()
    this.#hasLooked = true
    this.report()
  }

  #directory(name: string, identity: string): BatchDirectory {
    const known = this.#open.get(name)
    if (known !== undefined) return known
    const directory = new BatchDirectory(
      directoryEffects(this, name, identity, () => this.#open.get(name)),
      this.context.quietMs,
    )
    this.#open.set(name, directory)
    this.#identities.set(name, identity)
    return directory
  }

  #forgetOthers(unfinished: ReadonlySet<string>): void {
    for (const [name, directory] of this.#open) {
      if (unfinished.has(name)) continue
      directory.stop()
      this.#open.delete(name)
      this.#identities.delete(name)
      this.unwatchedIn(name, 0)
    }
  }

  #sayNotClosed(): void {
    const problem = notClosedWords(this.#decisions, this.context.source.batch)
    if (problem !== null) this.context.problem(problem)
  }

  #sayNeverSent(name: string): void {
    const files = this.#neverSent.get(name)
    if (files === undefined) return
    const { path, batch } = this.context.source
    const params = { path: absolutePath(path, name), mark: batch.sentMark, count: files }
    this.context.problem(message('scan.neverSent', params))
  }

  #lookFailed(thrown: unknown): void {
    if (this.#stopped) return
    // The source's own look says that its directory is gone.
    if (isGone(errorCode(thrown))) {
      this.context.ended(thrown)
      return
    }
    const reason = errorText(thrown)
    this.context.problem(message('scan.listingFailed', { path: this.context.source.path, reason }))
  }
}
