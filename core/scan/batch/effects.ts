import path from 'node:path'
import { errorCode, errorText, isGone } from '../../files/system-error.ts'
import type { SaidBatch } from '../../ledger/contract.ts'
import { isReadOnly, mountAbove, readMounts } from '../../mounts/mountinfo.ts'
import { type Semaphore, withPermit } from '../../pacing/semaphore.ts'
import { untilAborted } from '../../pacing/until-aborted.ts'
import { type Message, message } from '../../words/message.ts'
import { offerFiles } from '../compare/offer.ts'
import { type Reconciled, reconcileTree } from '../compare/reconcile.ts'
import { unsentAnywhere } from '../compare/standing.ts'
import { isAtWork, seeFile } from '../compare/writer.ts'
import type { SessionContext } from '../session.ts'
import { callOn } from '../tree/calls.ts'
import { joinRelative } from '../tree/facts.ts'
import { placeOf } from '../tree/regions.ts'
import type { TreeWatcher } from '../watch/tree-watcher.ts'
import { madeAt } from './look.ts'
import { createMark } from './mark.ts'
import type { MarkingEffects } from './marking.ts'
import { heldOpenWords, saidOfMarked } from './words.ts'

/** Files of a batch directory that is marked as sent that never went: by their bit, by the source's filters; and all that were seen. */
export type NeverSent = Pick<Reconciled, 'neverSent' | 'leftOut' | 'seen'>

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
export function markingEffects(host: BatchesHost, found: FoundBatch): MarkingEffects {
  const { name, identity, signal } = found
  const context = { ...host.context, signal }
  const { source, root, ledger, destinations } = context
  const directory = path.join(root, name)
  /** The directory whose disk is asked: a disk of its own that hangs must take none of the source's calls. */
  const place = () => placeOf(root, name)
  const closedMark = path.join(directory, source.batch.closedMark)
  const isClosed = async () => (await callOn(place(), () => madeAt(closedMark))) !== null
  /** A call that its disk never answers keeps nobody waiting, and no permit, once the directory is forgotten. */
  const untilEnd = <T>(answer: Promise<T>): Promise<T> => untilAborted(signal, answer)
  /** No file gets its mark there: the directory's own is tried, which fails as well, and is told. */
  const isReadOnlyHere = () => {
    const mount = mountAbove(readMounts() ?? [], directory)
    return mount !== null && isReadOnly(mount)
  }
  const unsent = () => {
    const { waiting, parked } = unsentAnywhere(ledger, destinations, source.id, name)
    // What a mark changes while it is looked at would be taken for a program's change.
    const owed =
      destinations.some((destination) => ledger.owesMarks(destination, source.id, name)) && !isReadOnlyHere()
    return waiting + parked + context.young.waitingIn(name) + (owed ? 1 : 0)
  }
  let never: NeverSent = { neverSent: 0, leftOut: 0, seen: 0 }
  const held = createSaid(context)
  const failure = createSaid(context)
  // Whoever removes the directory has ended what held it up.
  signal.addEventListener('abort', () => {
    held(null)
    failure(null)
  })
  /** The file that was named in the log as the one that keeps the directory from its mark. */
  let named: string | null = null
  const list = async (isOvertaken: boolean) => {
    const wasClosed = await isClosed()
    // The directory was forgotten meanwhile: nobody waits for what would be found.
    if (signal.aborted) return { found: 1, closed: false, isEmpty: false }
    const isLast = wasClosed && unsent() === 0
    let atWork: string | null = null
    const look = async (file: string) => {
      const seen = await seeFile(root, file, place())
      if (isAtWork(seen, { quietMs: context.quietMs, isClosed: wasClosed })) {
        atWork ??= file
        return null
      }
      return 'facts' in seen ? seen.facts : null
    }
    const result = await reconcileTree(context, host.watcher, name, {
      async temporary(files) {
        // Where no more files are expected nothing is temporary any more.
        if (!isOvertaken && !wasClosed) return
        for (const file of files) {
          const facts = await look(file)
          if (facts !== null) found.brought(offerFiles(context, [facts]))
        }
      },
      async due([first]) {
        // All that could be sent was: this one is held open.
        if (isLast && atWork === null && first !== undefined) await look(first)
      },
    })
    // Also what has been removed since it was sent was there.
    never = { ...result, seen: Math.max(never.seen, result.seen) }
    if (atWork !== null && atWork !== named && !wasClosed)
      context.log(`${atWork} is being written: ${name} is not marked before it has its name`)
    held(atWork !== null && wasClosed ? heldOpenWords(source, name, atWork) : null)
    named = atWork
    // A listing that broke off proves nothing.
    const isUnsure = !result.complete || atWork !== null
    const count = result.due + result.unsendable + (isUnsure ? 1 : 0)
    return { found: count, closed: await isClosed(), isEmpty: never.seen === 0 }
  }
  return {
    list: (isOvertaken) => withPermit(host.listings, () => untilEnd(list(isOvertaken))),
    unsent,
    standing: async () => {
      if (await untilEnd(isClosed())) return 'closed'
      return (await host.isOvertaken(name)) ? 'overtaken' : 'live'
    },
    mark: async () => {
      if (!context.isThere()) return context.ended(null)
      const said = saidOfMarked(source, name, never)
      host.marking({ name, identity, said })
      await untilEnd(callOn(place(), () => createMark(directory, source.batch.sentMark, identity)))
      // Also none: its person may have done what was said of the mark before.
      failure(null)
      host.marked(said)
      host.lookSoon()
    },
    now: () => performance.now(),
    at: (time, call) => {
      const timer = setTimeout(call, Math.max(0, time - performance.now()))
      return () => clearTimeout(timer)
    },
    changed: () => host.report(),
    failed: (step, thrown) => {
      // A directory that was deleted is forgotten by the next look.
      if (isGone(errorCode(thrown))) return host.lookSoon()
      const key = step === 'mark' ? 'scan.markFailed' : 'scan.batchFailed'
      // The code: the system's text names the directory as it was opened, which is nobody's path.
      const reason = errorCode(thrown) ?? errorText(thrown)
      const told = joinRelative(source.path, name)
      failure(message(key, { path: told, mark: source.batch.sentMark, reason }))
    },
  }
}

/** One sentence about a directory: it is over when another one, or none, has taken its place. */
function createSaid({ problem, solved }: Pick<SessionContext, 'problem' | 'solved'>) {
  let last: Message | null = null
  return (now: Message | null) => {
    if (last !== null && (now?.key !== last.key || now.params.path !== last.params.path)) solved(last)
    last = now
    if (now !== null) problem(now)
  }
}
