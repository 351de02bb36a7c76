import path from 'node:path'
import type { SaidBatch } from '../../ledger/contract.ts'
import { type Semaphore, withPermit } from '../../lib/async/semaphore.ts'
import { untilAborted } from '../../lib/async/until-aborted.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { findMount, isReadOnly, readMounts } from '../../platform/mounts/mountinfo.ts'
import { errorCode, errorText, isGone } from '../../platform/system-error.ts'
import { callOn } from '../../walk/calls.ts'
import { findDiskRoot } from '../../walk/regions.ts'
import { joinRelative, type ScannedFile } from '../../walk/scanned-file.ts'
import { isAtWork, probeWriters } from '../../watch/open-writers.ts'
import type { TreeWatcher } from '../../watch/tree-watcher.ts'
import { compareWithLedger, countUnsent } from '../reconcile/ledger-diff.ts'
import { offerFiles } from '../reconcile/offer.ts'
import { type Reconciled, reconcileTree } from '../reconcile/reconcile.ts'
import type { SessionContext } from '../source-session.ts'
import { readMarkTime } from './look.ts'
import { createMark } from './mark.ts'
import type { MarkingEffects } from './marking.ts'
import { describeHeldOpen, describeMarked } from './words.ts'

/** Counts for a batch directory: files excluded by the source's filters, and all that were seen. */
export type NeverSent = Pick<Reconciled, 'leftOut' | 'seen'>

/** Services of the source that a batch directory uses. */
export interface BatchesHost {
  readonly context: SessionContext
  /** The watcher of the whole source. */
  readonly watcher: Pick<TreeWatcher, 'examine'>
  readonly listings: Semaphore
  /** Schedules a look at all batch directories. */
  lookSoon(): void
  /** Looks at all batch directories now. True if a newer one than this exists. */
  isOvertaken(name: string): Promise<boolean>
  /** Called before the directory is marked as sent, with the sentences to report from then on. */
  marking(batch: SaidBatch): void
  /** Called after the directory was marked as sent. */
  marked(said: readonly Message[]): void
  report(): void
  /** True if a decision about these files, which carry isocket's mark, exists and was carried out. */
  decide(files: readonly ScannedFile[]): boolean
}

/** A batch directory that was found. */
export interface FoundBatch {
  name: string
  /** See identityOf. */
  identity: string
  /** Called when events, or a listing, queued files of it. */
  brought(files: number): void
  /** Aborted when the directory is forgotten. */
  signal: AbortSignal
}

/** Effects of one batch directory's marking on real files, the real watcher and the real ledger. */
export class BatchEffects implements MarkingEffects {
  readonly #host: BatchesHost
  readonly #found: FoundBatch
  readonly #context: SessionContext
  readonly #directory: string
  readonly #held: Said
  readonly #failure: Said
  #never: NeverSent = { leftOut: 0, seen: 0 }
  #unproven = 0
  /** The file last logged as keeping the directory unmarked. */
  #named: string | null = null

  constructor(host: BatchesHost, found: FoundBatch) {
    this.#host = host
    this.#found = found
    this.#context = { ...host.context, signal: found.signal }
    this.#directory = path.join(host.context.root, found.name)
    this.#held = createSaid(host.context)
    this.#failure = createSaid(host.context)
    // Removing the directory also ends the obstacles to its mark.
    found.signal.addEventListener('abort', () => {
      this.#held(null)
      this.#failure(null)
    })
  }

  list(isOvertaken: boolean) {
    return withPermit(this.#host.listings, () => this.#untilEnd(this.#list(isOvertaken)))
  }

  unsent(): number {
    const { ledger, destinations, source, young } = this.#context
    const { name } = this.#found
    const { waiting, parked } = countUnsent(ledger, destinations, source.id, name)
    // Marks of files that are still to be set count as unsent: set during a listing, they would look like a program's
    // change.
    const owesMarks = destinations.some((destination) => ledger.owesMarks(destination, source.id, name))
    const owed = owesMarks && !this.#isReadOnlyHere()
    return waiting + parked + young.waitingIn(name) + (owed ? 1 : 0) + this.#unproven
  }

  /** Number of files with isocket's mark that wait for a person's decision. */
  get unproven(): number {
    return this.#unproven
  }

  async standing() {
    const { name } = this.#found
    if (await this.#untilEnd(this.#isClosed())) return 'closed'
    return (await this.#host.isOvertaken(name)) ? 'overtaken' : 'live'
  }

  async mark(): Promise<void> {
    if (!this.#context.isThere()) return this.#context.ended(null)
    const { source } = this.#context
    const { name, identity } = this.#found
    const said = describeMarked(source, name, this.#never)
    this.#host.marking({ name, identity, said })
    await this.#untilEnd(
      callOn(this.#place, () => createMark(this.#directory, source.batch.sentMark, identity)),
    )
    // A mark that already exists clears the failure, too: a person may have made it.
    this.#failure(null)
    this.#host.marked(said)
    this.#host.lookSoon()
  }

  now(): number {
    return performance.now()
  }

  at(time: number, call: () => void): () => void {
    const timer = setTimeout(call, Math.max(0, time - performance.now()))
    return () => clearTimeout(timer)
  }

  changed(): void {
    this.#host.report()
  }

  failed(step: 'list' | 'mark', error: unknown): void {
    const { source } = this.#context
    const code = errorCode(error)
    // The next look forgets a directory that was deleted.
    if (isGone(code)) this.#host.lookSoon()
    else {
      const key = step === 'mark' ? 'scan.markFailed' : 'scan.batchFailed'
      const told = joinRelative(source.path, this.#found.name)
      // Only the code: the system's text names the path as it was opened (/proc/self/fd/…), useless to a person.
      const reason = code ?? errorText(error)
      this.#failure(message(key, { path: told, mark: source.batch.sentMark, reason }))
    }
  }

  async #list(isOvertaken: boolean) {
    const context = this.#context
    const { name } = this.#found
    const wasClosed = await this.#isClosed()
    // The directory was forgotten meanwhile: the result is not used.
    if (context.signal.aborted) return { found: 1, closed: false, isEmpty: false }
    const isLast = wasClosed && this.unsent() === 0
    let atWork: string | null = null
    let unproven = 0
    const doubt = (files: readonly ScannedFile[]) => {
      if (!this.#host.decide(files)) unproven += files.length
    }
    const look = async (file: string) => {
      const seen = await probeWriters(context.root, file, this.#place)
      if (isAtWork(seen, { quietMs: context.quietMs, isClosed: wasClosed })) {
        atWork ??= file
        return null
      }
      return 'facts' in seen ? seen.facts : null
    }
    const result = await reconcileTree(context, this.#host.watcher, name, {
      temporary: async (files) => {
        // In a directory that is complete, temporary names do not count.
        if (!isOvertaken && !wasClosed) return
        for (const file of files) {
          const facts = await look(file)
          if (facts === null) continue
          const { unproven: left } = compareWithLedger(context, [facts])
          if (left.length > 0) doubt(left)
          else this.#found.brought(offerFiles(context, [facts]))
        }
      },
      unproven: doubt,
      async due([first]) {
        // Everything that could be sent was sent: this file is held open.
        if (isLast && atWork === null && first !== undefined) await look(first)
      },
    })
    // Files that were removed after they were sent count as seen.
    this.#never = { ...result, seen: Math.max(this.#never.seen, result.seen) }
    this.#unproven = unproven
    if (atWork !== null && atWork !== this.#named && !wasClosed)
      context.log(`${atWork} is being written: ${name} is not marked before it has its name`)
    this.#held(atWork !== null && wasClosed ? describeHeldOpen(context.source, name, atWork) : null)
    this.#named = atWork
    // An incomplete listing proves nothing.
    const isUnsure = !result.complete || atWork !== null
    const count = result.due + result.unsendable + (isUnsure ? 1 : 0)
    return { found: count, closed: await this.#isClosed(), isEmpty: this.#never.seen === 0 }
  }

  /** Stops waiting for a call when the directory is forgotten, so that a disk that hangs does not keep a permit. */
  #untilEnd<T>(answer: Promise<T>): Promise<T> {
    return untilAborted(this.#found.signal, answer)
  }

  /** Directory that identifies the disk for callOn: a separate disk that hangs must not use up the source's calls. */
  get #place(): string {
    return findDiskRoot(this.#context.root, this.#found.name)
  }

  async #isClosed(): Promise<boolean> {
    const mark = path.join(this.#directory, this.#context.source.batch.closedMark)
    return (await callOn(this.#place, () => readMarkTime(mark))) !== null
  }

  /**
   * True on a read-only file system. Files get no marks there, so only the directory's own mark is tried; its failure
   * is reported.
   */
  #isReadOnlyHere(): boolean {
    const mount = findMount(readMounts() ?? [], this.#directory)
    return mount !== null && isReadOnly(mount)
  }
}

type Said = ReturnType<typeof createSaid>

/** Reports one sentence about a directory at a time: the last one is resolved when another, or null, replaces it. */
function createSaid({ problem, solved }: Pick<SessionContext, 'problem' | 'solved'>) {
  let last: Message | null = null
  return (now: Message | null) => {
    if (last !== null && (now?.key !== last.key || now.params.path !== last.params.path)) solved(last)
    last = now
    if (now !== null) problem(now)
  }
}
