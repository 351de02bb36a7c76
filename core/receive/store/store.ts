import { unlink } from 'node:fs/promises'
import { closeFd } from '../../files/fd.ts'
import type { Semaphore } from '../../pacing/semaphore.ts'
import { openThread } from '../../worker/thread.ts'
import type { Offered, StoreSource } from '../file-facts.ts'
import type { Outcome } from '../file-refused.ts'
import { FileRefused, outcomeOf } from '../file-refused.ts'
import type { StoreLayout } from '../layout.ts'
import type { Admission } from '../limits/admission.ts'
import { openAdmission } from '../limits/admission.ts'
import type { StoreRules } from '../limits/rules.ts'
import type { SenderTotals } from '../manifest/manifest.ts'
import { createCallWatch } from './call-watch.ts'
import { openCommitting } from './committing.ts'
import type { Copies } from './copies.ts'
import { openCopies } from './copies.ts'
import type { StoreLarge } from './large.ts'
import { openStoreLarge } from './large.ts'
import type { Pruned, RoundResult, StoreThreadData, ToldDirectory, WriterCalls } from './messages.ts'
import { judgePath, placeNameOf } from './names.ts'
import type { Partials } from './partials.ts'
import { openPartials } from './partials.ts'
import { openRounds } from './rounds.ts'
import type { SmallIncoming, StoreSmall } from './small.ts'
import { openStoreSmall } from './small.ts'

export type { Offered, StoreSource } from '../file-facts.ts'
export type { IncomingFile, Stored } from './large.ts'
export type { SmallEvents, SmallIncoming } from './small.ts'

/** What the store knows of a sender's last session. */
export interface KnownSession {
  epoch: string
  position: number
  /** null: nothing was ever stored by one. */
  session: string | null
}

/** A file that is stored, and what it has to be. */
export interface ToCopy {
  from: Pick<Offered, 'source' | 'path'>
  digest: Uint8Array
  /** The source has it no more under the name that it is copied from. */
  isMoved: boolean
  /** What the directories on the way to it are at the source. */
  directories?: readonly ToldDirectory[]
}

export interface Store {
  /** null: the store cannot be read now. Waits for the first look at it. */
  known(folder: string): Promise<KnownSession | null>
  /** The directory of a sender's source, made in the manifest if it is new. @throws what the system says. */
  source(folder: string, directory: string): Promise<StoreSource>
  receiveAll: StoreSmall
  /** One small file: resolves when it is durable, or says why it is not. Never rejects. */
  receive(file: SmallIncoming): Promise<Outcome>
  begin: StoreLarge
  /**
   * Stores a file whose content is there already, under another name of the same sender: looked at, copied, and
   * durable when it resolves; `unknown`: there is no such content. After the signal it may give up. Never rejects. Of
   * its own name it is a question: the content is read back from the disk, and only its facts are written down.
   */
  copy(
    file: Offered,
    copy: ToCopy,
    signal: AbortSignal,
    turns: Semaphore,
  ): Promise<{ outcome: Outcome; position: number }>
  /** See Copies; the content is kept for ever from now on. */
  prove(
    of: Pick<Offered, 'source' | 'path'>,
    size: number,
    nonce: Uint8Array,
    signal: AbortSignal,
  ): Promise<Buffer>
  /** Files that a sender should offer again, behind the first `after` of them. */
  wanted(folder: string, after: number): Promise<readonly { directory: string; path: string }[]>
  /** Has a sender offer again what has changed in its folder since a position. */
  wantSince(folder: string, position: number): Promise<void>
  /** These senders may send no longer: nothing waits for them to go on with it. */
  abandon: Partials['abandon']
  /** Removes older contents that are kept no longer. */
  prune(): Promise<void>
  /** Contents that a sender has in the store, older ones included. */
  usage(folder: string): SenderTotals
  /** Folders that have anything in the store. */
  folders(): string[]
  /** How long the disk has left its oldest call unanswered, in milliseconds. */
  stalledMs(): number
  close(): Promise<void>
}

export interface StoreOptions {
  /** The script of the store's threads. */
  thread: URL
  rules: StoreRules
  log(text: string): void
}

/** Files that a sender is asked for again at a time. */
const WANTED = 256
const PRUNE_EVERY_MS = 3_600_000
const NOTHING: SenderTotals = { files: 0, bytes: 0, names: 0, position: 0, session: null }

export function openStore(layout: StoreLayout, { thread, rules, log }: StoreOptions): Store {
  const watch = createCallWatch()
  const totals = new Map<string, SenderTotals>()
  const committing = openCommitting(layout, thread)
  const role: StoreThreadData = { role: 'write' }
  const writer = openThread<WriterCalls>(thread, { data: role, youngMb: 4 })
  let isOver = false

  const take = (changed: RoundResult['totals']) => {
    for (const [folder, one] of changed) totals.set(folder, one)
  }
  const counted = {
    ...committing,
    get syncsWhole() {
      return committing.syncsWhole
    },
    async round(job: Parameters<typeof committing.round>[0]) {
      const result = await committing.round(job)
      take(result.totals)
      return result
    },
  }
  committing.opened.then(
    (found) => {
      take(found.totals)
      if (found.aside !== null) log(`the manifest could not be read and was kept as ${found.aside}`)
    },
    (thrown: unknown) => log(`the store cannot be used: ${String(thrown)}`),
  )

  const usage = (folder: string) => totals.get(folder) ?? NOTHING
  const admitted = openAdmission(layout.root, rules, usage)
  const partials = openPartials(layout.partial, admitted)
  const admission: Admission = {
    charge: admitted.charge,
    async enterAll(folder, files) {
      await committing.opened
      const rooms = await admitted.enterAll(folder, files)
      // What is stored goes before what may be; the sender tries again.
      for (const room of rooms)
        if (room instanceof FileRefused && room.missingBytes !== null)
          partials.makeRoom(folder, room.missingBytes)
      return rooms
    },
  }
  const rounds = openRounds(counted, () => small.feed())
  const superseded = partials.superseded
  const small = openStoreSmall({ admission, committing: counted, rounds, watch, writer, superseded })
  const copies = openCopies(layout.root, watch)
  const copy = openStoreCopy({ admission, committing: counted, rounds, watch, partials }, copies)

  const pruneNow = async (): Promise<void> => {
    let after: { source: number; key: string } | null = { source: 0, key: '' }
    while (after !== null && !isOver) {
      const pruned: Pruned = await committing.call({ kind: 'prune', keep: rules.keep, after })
      take(pruned.totals)
      const [failure] = pruned.failures
      if (failure !== undefined)
        log(`older contents cannot be removed (${pruned.failures.length}): ${failure}`)
      after = pruned.next
    }
  }
  let pruning: Promise<void> | null = null
  const prune = (): Promise<void> => {
    pruning ??= pruneNow()
      .catch((thrown: unknown) => {
        if (!isOver) log(`older contents cannot be removed: ${String(thrown)}`)
      })
      .finally(() => {
        pruning = null
      })
    return pruning
  }
  const timer = setInterval(() => void prune(), PRUNE_EVERY_MS)
  timer.unref()
  committing.opened.then(
    () => {
      void partials.load()
      void prune()
    },
    () => undefined,
  )

  const receiveAll: StoreSmall = (files, events) => small.store(files, events)

  return {
    async known(folder) {
      const { epoch } = await committing.opened
      if (epoch === null) return null
      const { position, session } = usage(folder)
      return { epoch, position, session }
    },
    async source(folder, directory) {
      const { id } = await committing.call({ kind: 'source', folder, directory })
      return { id, folder, directory }
    },
    receiveAll,
    receive: (file) =>
      new Promise((resolve) => {
        const onStored = (_: number, outcome: Outcome) => resolve(outcome)
        receiveAll([file], { directories: [], onWritten: () => undefined, onStored })
      }),
    begin: openStoreLarge({ admission, committing: counted, partials, rounds, watch }),
    copy,
    async prove(of, size, nonce, signal) {
      // First: what is proven, and removed at the source for that, must not be pruned a moment later.
      const { isThere } = await committing.call({
        kind: 'pin',
        place: { source: of.source.id, path: of.path },
      })
      if (!isThere) throw new FileRefused('unknown', 'not in the manifest')
      return copies.prove(of, size, nonce, signal)
    },
    async wanted(folder, after) {
      return (await committing.call({ kind: 'wanted', folder, after, limit: WANTED })).files
    },
    async wantSince(folder, position) {
      await committing.call({ kind: 'wantSince', folder, position })
    },
    abandon: partials.abandon,
    prune,
    usage,
    folders: () => [...totals.keys()],
    stalledMs: () => Math.max(watch.oldestMs(), committing.stalledMs()),
    async close() {
      isOver = true
      clearInterval(timer)
      partials.close()
      await Promise.race([
        Promise.all([small.end(), rounds.close()]),
        new Promise((resolve) => setTimeout(resolve, END_WITHIN_MS).unref()),
      ])
      await committing.close()
      void writer.close()
    },
  }
}

/** Closing waits so long, in milliseconds, for what is under way: a disk may hang. */
const END_WITHIN_MS = 2_000

function openStoreCopy(
  { admission, committing, rounds, watch, partials }: Parameters<typeof openStoreLarge>[0],
  copies: Copies,
): Store['copy'] {
  let names = 0

  /** Gives what is there to the next round. `fd` null: only its facts. */
  const place = (
    { source, path, facts, session }: Offered,
    { from, digest, isMoved, directories = [] }: ToCopy,
    fd: number | null,
    file: string | null,
  ) =>
    new Promise<{ outcome: Outcome; position: number }>((resolve) => {
      rounds.reserve(1, fd === null ? 0 : facts.size)
      const moved = isMoved ? { source: from.source.id, path: from.path } : null
      const toPlace = { fd, file, source: source.id, path, facts, digest, isUntimed: true, moved }
      rounds.add([
        {
          file: toPlace,
          folder: source.folder,
          session,
          directories,
          answer: (outcome, position) => resolve({ outcome, position }),
        },
      ])
    })

  const copyOther = async (file: Offered, copy: ToCopy, signal: AbortSignal) => {
    const { facts, source, path } = file
    const { size } = facts
    const [room] = await watch.during(() =>
      admission.enterAll(source.folder, [{ place: placeNameOf(file), size }]),
    )
    if (room === undefined || room instanceof FileRefused) throw room ?? new FileRefused('failed', '')
    const { directory } = await committing.opened
    names += 1
    const made = `${directory}/copy-${names}`
    try {
      const fd = await copies.make(copy.from, { size, digest: copy.digest }, made, signal, room.written)
      if (signal.aborted) {
        // Its sender may have connected anew, and sent a newer content.
        await closeFd(fd).catch(() => undefined)
        throw new FileRefused('aborted', '')
      }
      const stored = await place(file, copy, fd, made)
      if (stored.outcome.status === 'durable') partials.superseded(source.id, path)
      return stored
    } catch (thrown) {
      await unlink(made).catch(() => undefined)
      throw thrown
    } finally {
      room.leave(true)
    }
  }

  return async (file, copy, signal, turns) => {
    const { source, path, facts } = file
    let hasTurn = false
    let sleep: () => void = () => undefined
    try {
      const refused = judgePath(path)
      if (refused !== null) return { outcome: refused, position: 0 }
      // A name under which nothing can have been stored has no content.
      if (judgePath(copy.from.path) !== null) throw new FileRefused('unknown', 'name')
      hasTurn = await turns.acquire()
      sleep = await watch.during(() => committing.awake())
      const isItself = copy.from.source.id === source.id && copy.from.path === path
      if (!isItself) return await copyOther(file, copy, signal)
      await copies.confirm(copy.from, { size: facts.size, digest: copy.digest }, signal)
      return await place(file, { ...copy, isMoved: false }, null, null)
    } catch (thrown) {
      return { outcome: outcomeOf(thrown), position: 0 }
    } finally {
      sleep()
      if (hasTurn) turns.release()
    }
  }
}
