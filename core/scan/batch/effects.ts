import path from 'node:path'
import type { SaidBatch } from '../../ledger/contract.ts'
import { type Semaphore, withPermit } from '../../lib/async/semaphore.ts'
import { untilAborted } from '../../lib/async/until-aborted.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { isReadOnly, mountAbove, readMounts } from '../../platform/mounts/mountinfo.ts'
import { errorCode, errorText, isGone } from '../../platform/system-error.ts'
import { callOn } from '../../walk/calls.ts'
import { placeOf } from '../../walk/regions.ts'
import { joinRelative, type ScannedFile } from '../../walk/scanned-file.ts'
import { isAtWork, seeFile } from '../../watch/open-writers.ts'
import type { TreeWatcher } from '../../watch/tree-watcher.ts'
import { standingOf, unsentAnywhere } from '../reconcile/ledger-diff.ts'
import { offerFiles } from '../reconcile/offer.ts'
import { type Reconciled, reconcileTree } from '../reconcile/reconcile.ts'
import type { SessionContext } from '../source-session.ts'
import { madeAt } from './look.ts'
import { createMark } from './mark.ts'
import type { MarkingEffects } from './marking.ts'
import { heldOpenWords, saidOfMarked } from './words.ts'

/** Files of a batch directory that is marked as sent that the source's filters left out; and all that were seen. */
export type NeverSent = Pick<Reconciled, 'leftOut' | 'seen'>

/** What a batch directory needs of the source that it is in. */
export interface BatchesHost {
  readonly context: SessionContext
  /** Of the whole source. */
  readonly watcher: Pick<TreeWatcher, 'examine'>
  readonly listings: Semaphore
  /** Looks at all batch directories again before long. */
  lookSoon(): void
  /** Looks at all batch directories now; whether a newer one is there than this one. */
  isOvertaken(name: string): Promise<boolean>
  /** About to be marked as sent: what is to be said of it from then on. */
  marking(batch: SaidBatch): void
  /** Marked as sent. */
  marked(said: readonly Message[]): void
  report(): void
  /** True if the decision about these files, which carry isocket's mark, was made and carried out. */
  decide(files: readonly ScannedFile[]): boolean
}

/** A batch directory as it was found. */
export interface FoundBatch {
  name: string
  /** See identityOf. */
  identity: string
  /** Events, or a listing, brought files of it that became waiting. */
  brought(files: number): void
  /** Ends when the directory is forgotten. */
  signal: AbortSignal
}

/** The effects of one batch directory's marking on real files, the real watcher and the real ledger. */
export class BatchEffects implements MarkingEffects {
  readonly #host: BatchesHost
  readonly #found: FoundBatch
  readonly #context: SessionContext
  readonly #directory: string
  readonly #held: Said
  readonly #failure: Said
  #never: NeverSent = { leftOut: 0, seen: 0 }
  #unproven = 0
  /** The file that was named in the log as the one that keeps the directory from its mark. */
  #named: string | null = null

  constructor(host: BatchesHost, found: FoundBatch) {
    this.#host = host
    this.#found = found
    this.#context = { ...host.context, signal: found.signal }
    this.#directory = path.join(host.context.root, found.name)
    this.#held = createSaid(host.context)
    this.#failure = createSaid(host.context)
    // Whoever removes the directory has ended what held it up.
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
    const { waiting, parked } = unsentAnywhere(ledger, destinations, source.id, name)
    // What a mark changes while it is looked at would be taken for a program's change.
    const owesMarks = destinations.some((destination) => ledger.owesMarks(destination, source.id, name))
    const owed = owesMarks && !this.#isReadOnlyHere()
    return waiting + parked + young.waitingIn(name) + (owed ? 1 : 0) + this.#unproven
  }

  /** Files that carry isocket's mark, and wait for a person's decision. */
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
    const said = saidOfMarked(source, name, this.#never)
    this.#host.marking({ name, identity, said })
    await this.#untilEnd(
      callOn(this.#place, () => createMark(this.#directory, source.batch.sentMark, identity)),
    )
    // Also none: its person may have done what was said of the mark before.
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
    // A directory that was deleted is forgotten by the next look.
    if (isGone(code)) this.#host.lookSoon()
    else {
      const key = step === 'mark' ? 'scan.markFailed' : 'scan.batchFailed'
      const told = joinRelative(source.path, this.#found.name)
      // The code: the system's text names the directory as it was opened, which is nobody's path.
      const reason = code ?? errorText(error)
      this.#failure(message(key, { path: told, mark: source.batch.sentMark, reason }))
    }
  }

  async #list(isOvertaken: boolean) {
    const context = this.#context
    const { name } = this.#found
    const wasClosed = await this.#isClosed()
    // The directory was forgotten meanwhile: nobody waits for what would be found.
    if (context.signal.aborted) return { found: 1, closed: false, isEmpty: false }
    const isLast = wasClosed && this.unsent() === 0
    let atWork: string | null = null
    let unproven = 0
    const doubt = (files: readonly ScannedFile[]) => {
      if (!this.#host.decide(files)) unproven += files.length
    }
    const look = async (file: string) => {
      const seen = await seeFile(context.root, file, this.#place)
      if (isAtWork(seen, { quietMs: context.quietMs, isClosed: wasClosed })) {
        atWork ??= file
        return null
      }
      return 'facts' in seen ? seen.facts : null
    }
    const result = await reconcileTree(context, this.#host.watcher, name, {
      temporary: async (files) => {
        // Where no more files are expected nothing is temporary any more.
        if (!isOvertaken && !wasClosed) return
        for (const file of files) {
          const facts = await look(file)
          if (facts === null) continue
          const { unproven: left } = standingOf(context, [facts])
          if (left.length > 0) doubt(left)
          else this.#found.brought(offerFiles(context, [facts]))
        }
      },
      unproven: doubt,
      async due([first]) {
        // All that could be sent was: this one is held open.
        if (isLast && atWork === null && first !== undefined) await look(first)
      },
    })
    // Also what has been removed since it was sent was there.
    this.#never = { ...result, seen: Math.max(this.#never.seen, result.seen) }
    this.#unproven = unproven
    if (atWork !== null && atWork !== this.#named && !wasClosed)
      context.log(`${atWork} is being written: ${name} is not marked before it has its name`)
    this.#held(atWork !== null && wasClosed ? heldOpenWords(context.source, name, atWork) : null)
    this.#named = atWork
    // A listing that broke off proves nothing.
    const isUnsure = !result.complete || atWork !== null
    const count = result.due + result.unsendable + (isUnsure ? 1 : 0)
    return { found: count, closed: await this.#isClosed(), isEmpty: this.#never.seen === 0 }
  }

  /** A call that its disk never answers keeps nobody waiting, and no permit, once the directory is forgotten. */
  #untilEnd<T>(answer: Promise<T>): Promise<T> {
    return untilAborted(this.#found.signal, answer)
  }

  /** The directory whose disk is asked: a disk of its own that hangs must take none of the source's calls. */
  get #place(): string {
    return placeOf(this.#context.root, this.#found.name)
  }

  async #isClosed(): Promise<boolean> {
    const mark = path.join(this.#directory, this.#context.source.batch.closedMark)
    return (await callOn(this.#place, () => madeAt(mark))) !== null
  }

  /** No file gets its mark there: the directory's own is tried, which fails as well, and is told. */
  #isReadOnlyHere(): boolean {
    const mount = mountAbove(readMounts() ?? [], this.#directory)
    return mount !== null && isReadOnly(mount)
  }
}

type Said = ReturnType<typeof createSaid>

/** One sentence about a directory: it is over when another one, or none, has taken its place. */
function createSaid({ problem, solved }: Pick<SessionContext, 'problem' | 'solved'>) {
  let last: Message | null = null
  return (now: Message | null) => {
    if (last !== null && (now?.key !== last.key || now.params.path !== last.params.path)) solved(last)
    last = now
    if (now !== null) problem(now)
  }
}
