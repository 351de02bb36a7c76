import path from 'node:path'
import { errorCode, errorText, isGone } from '../../files/system-error.ts'
import { nameRulesOf } from '../../filter/names.ts'
import { type Semaphore, withPermit } from '../../pacing/semaphore.ts'
import { untilAborted } from '../../pacing/until-aborted.ts'
import { message } from '../../words/message.ts'
import { unsentAnywhere } from '../compare/everywhere.ts'
import { offerFiles } from '../compare/offer.ts'
import { reconcileTree } from '../compare/reconcile.ts'
import type { SessionContext } from '../session.ts'
import { callOn } from '../tree/calls.ts'
import type { FileFacts } from '../tree/facts.ts'
import { joinRelative } from '../tree/facts.ts'
import { placeOf } from '../tree/regions.ts'

import type { TreeListener, TreeWatcher } from '../watch/tree-watcher.ts'
import { lookAtWork } from './at-work.ts'
import type { BatchDirectory, DirectoryEffects } from './directory.ts'
import { madeAt } from './look.ts'
import { createMark } from './mark.ts'
import { heldOpenWords } from './words.ts'

/** What a batch directory needs of the source that it is in. */
export interface BatchesHost {
  readonly context: SessionContext
  readonly listings: Semaphore
  /** Those of the batch directories that are watched, by name. */
  readonly watchers: Map<string, TreeWatcher>
  /** Looks at all batch directories again before long. */
  lookSoon(): void
  /** Marked as sent although Holdfast itself has never sent so many of its files. */
  markedUnsent(name: string, files: number): void
  /** Looks at all batch directories now; whether a newer one is there than this one. */
  isOvertaken(name: string): Promise<boolean>
  /** Events brought these files; so many became waiting, or wait for their age. */
  brought(name: string, files: FileFacts[], waiting: number): void
  unwatchedIn(name: string, count: number): void
  report(): void
}

/** The effects of one batch directory on real files, the real watcher and the real ledger. */
export function directoryEffects(
  host: BatchesHost,
  name: string,
  identity: string,
  directory: () => BatchDirectory | undefined,
): DirectoryEffects {
  // Ends with the directory; the session ends all its directories when it ends itself.
  const ends = new AbortController()
  const context = { ...host.context, signal: ends.signal }
  const { source, root, ledger, destinations } = context
  const closedMark = joinRelative(name, source.batch.closedMark)
  const unsent = () => {
    const { waiting, parked } = unsentAnywhere(ledger, destinations, source.id, name)
    // What a mark changes while it is looked at would be taken for a program's change.
    const owed = destinations.some((destination) => ledger.owesMarks(destination, source.id, name))
    return waiting + parked + context.young.waitingIn(name) + (owed ? 1 : 0)
  }
  /** The directory whose disk is asked: a disk of its own that hangs must take none of the source's calls. */
  let place = root
  const isClosed = async () => (await callOn(place, () => madeAt(path.join(root, closedMark)))) !== null
  /** A call that its disk never answers keeps nobody waiting, and no permit, once the directory is forgotten. */
  const untilEnd = <T>(answer: Promise<T>): Promise<T> => untilAborted(ends.signal, answer)
  let watcher: TreeWatcher | null = null
  let neverSent = 0
  /** The file that was named in the log as the one that keeps the directory from its mark. */
  let named: string | null = null
  const listener = treeListener(host, name, directory, () => watcher)
  const watch = async () => {
    watcher?.close()
    place = placeOf(root, name)
    const names = nameRulesOf(source)
    const request = { root, base: name, place, recursive: true, names, signals: [closedMark] }
    const opened = await context.openTree(request, listener)
    if (ends.signal.aborted) return opened.close()
    watcher = opened
    host.watchers.set(name, opened)
  }
  const list = async (isOvertaken: boolean) => {
    const watching = watcher
    if (watching === null) throw new Error('listed before it was watched')
    watching.refresh()
    // Where no more files are expected nothing is temporary any more.
    const wasClosed = await isClosed()
    // The directory was forgotten meanwhile: nobody waits for what would be found.
    if (ends.signal.aborted) return { found: 1, closed: false }
    const isLast = wasClosed && unsent() === 0
    let atWork: string | null = null
    const look = async (file: string) => {
      const found = await lookAtWork(root, file, { quietMs: context.quietMs, isClosed: wasClosed, place })
      if (found.state === 'at-work') atWork ??= file
      return found.state === 'at-rest' ? found.facts : null
    }
    const found = await reconcileTree(context, watching, name, true, {
      async temporary(files) {
        if (!isOvertaken && !wasClosed) return
        for (const file of files) {
          const facts = await look(file)
          // As an event brings them: when they are sent the directory is listed once more.
          if (facts !== null) directory()?.brought(offerFiles(context, [facts]))
        }
      },
      async due(files) {
        // All that could be sent was: this one is held open.
        const [first] = files
        if (isLast && atWork === null && first !== undefined) await look(first)
      },
    })
    const { due, unsendable, complete } = found
    neverSent = found.neverSent
    const closed = await isClosed()
    // A listing that broke off proves nothing.
    const isUnsure = !complete || atWork !== null
    if (atWork !== null && atWork !== named && !wasClosed)
      context.log(`${atWork} is being written: ${name} is not marked before it has its name`)
    if (atWork !== null && wasClosed) context.problem(heldOpenWords(source, name, atWork))
    named = atWork
    return { found: due + unsendable + (isUnsure ? 1 : 0), closed }
  }
  return {
    watch: () => untilEnd(watch()),
    unwatch: () => {
      ends.abort()
      if (host.watchers.get(name) === watcher) host.watchers.delete(name)
      watcher?.close()
      watcher = null
    },
    list: (isOvertaken) => withPermit(host.listings, () => untilEnd(list(isOvertaken))),
    unsent,
    standing: async () => {
      if (await untilEnd(isClosed())) return 'closed'
      return (await host.isOvertaken(name)) ? 'overtaken' : 'live'
    },
    mark: async () => {
      if (!context.isThere()) return context.ended(null)
      const { sentMark } = source.batch
      await untilEnd(callOn(place, () => createMark(path.join(root, name), sentMark, identity)))
      // Also none: its person may have done what was said of the mark before.
      host.markedUnsent(name, neverSent)
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
      context.problem(
        message(key, { path: path.join(source.path, name), mark: source.batch.sentMark, reason }),
      )
    },
  }
}

function treeListener(
  host: BatchesHost,
  name: string,
  directory: () => BatchDirectory | undefined,
  watcher: () => TreeWatcher | null,
): TreeListener {
  const { context } = host
  return {
    finished: (files) => host.brought(name, files, offerFiles(context, files)),
    signal: () => void directory()?.close(),
    entriesChanged: () => undefined,
    lost: () => void directory()?.relist(),
    poll: async (directories) => {
      for (const each of directories) {
        const opened = watcher()
        if (opened === null || context.signal.aborted) return
        await reconcileTree(context, opened, each, false)
      }
      if (directories.includes(name)) void directory()?.nudge()
    },
    unwatched: (count) => host.unwatchedIn(name, count),
    problem: context.problem,
    // Deleted or renamed: the look finds it under its new name, or not at all.
    gone: () => {
      host.lookSoon()
      void directory()?.rewatch()
    },
    failed: () => void directory()?.rewatch(),
  }
}
