import { createCallWatch } from '../lib/async/call-watch.ts'
import { createSemaphore, type Semaphore } from '../lib/async/semaphore.ts'
import { withTimeout } from '../lib/async/timing.ts'
import { openThread, type Thread } from '../lib/workers/thread.ts'
import type { FrameHeader } from '../protocol/frames.ts'
import { Copies, type ToCopy } from './copy.ts'
import { CommitThread, openGroupCommit } from './group-commit.ts'
import { type IncomingFile, LARGE_WRITES_AT_ONCE, type LargeOptions, LargeStoring } from './large.ts'
import type { StoreLayout } from './layout.ts'
import type { SenderTotals } from './manifest/rows.ts'
import type { Offered, StoredAt, StoreSource } from './offered.ts'
import { StorageError, type StoreResult } from './outcome.ts'
import { Partials } from './partials.ts'
import type { StoreParts } from './parts.ts'
import { Admission, type StoreRules } from './quota/admission.ts'
import { withLock } from './retention/retention.ts'
import { type SmallIncoming, SmallStoring, type StoreSmallEvents } from './small.ts'
import type { CommitCalls, Pruned, ReadCalls, StoreThreadData, WriteCalls } from './store-messages.ts'

export type { ToCopy } from './copy.ts'
export type { IncomingFile } from './large.ts'
export type { NamedSession, Offered, StoreSource } from './offered.ts'
export type { StoreResult } from './outcome.ts'
export type { SmallIncoming, StoreSmallEvents } from './small.ts'

/** A sender's last session as recorded in the store. */
export interface KnownSession {
  epoch: string
  position: number
  /** null: no session has stored a file yet. */
  session: string | null
}

interface StoreOptions {
  /** The script of the store's threads. */
  thread: URL
  rules: StoreRules
  log(text: string): void
  /** Receives the time in seconds from a file's last byte until it was durable. */
  onDurable?(seconds: number): void
  /** Called when the manifest was replaced: the store accepts no file until it is reopened. */
  onReplaced?(): void
}

/** Files in one page of requests to a sender. */
const WANTED = 256
/** Maximum time in milliseconds to wait for pending work when closing: a disk may hang. */
const END_WITHIN_MS = 2_000
const PRUNE_EVERY_MS = 3_600_000
const NOTHING: SenderTotals = { files: 0, bytes: 0, names: 0, position: 0, session: null }

/**
 * Stores files, each complete and durable or not at all. The directory must be locked (lock.ts). A file passes the
 * admission (quota/), is written by the write thread (small.ts) or the thread pool (large.ts), and is named and
 * recorded by the commit thread, together with others (group-commit.ts).
 */
export class Store {
  readonly #options: StoreOptions
  readonly #parts: StoreParts
  readonly #writer: Thread<WriteCalls>
  readonly #reader: Thread<ReadCalls>
  readonly #small: SmallStoring
  readonly #largeWrites = createSemaphore(LARGE_WRITES_AT_ONCE)
  readonly #copies: Copies
  readonly #totals = new Map<string, SenderTotals>()
  readonly #sources = new Map<string, Promise<StoreSource>>()
  readonly #pruneTimer = setInterval(() => void this.prune(), PRUNE_EVERY_MS).unref()
  #pruning: Promise<void> | null = null
  #isReplaced = false
  #isClosed = false

  constructor(layout: StoreLayout, options: StoreOptions) {
    this.#options = options
    const { root, temporary } = layout
    const { thread: script, rules, log, onDurable = () => undefined } = options
    const watch = createCallWatch()
    const commitThread = new CommitThread({
      ...{ root, script, watch },
      onTotals: (changed) => {
        for (const [folder, one] of changed) this.#totals.set(folder, one)
      },
      onReplaced: (why) => this.#replaced(why),
    })
    this.#writer = openThread(script, { data: { role: 'write' } satisfies StoreThreadData, youngMb: 4 })
    // Reading has a separate thread, so that it does not delay storing.
    const reads: StoreThreadData = { role: 'read', root }
    this.#reader = openThread(script, { data: reads, youngMb: 8 })
    const reserving = new Admission(root, rules, this.usage)
    const partials = new Partials(layout.partial, reserving)
    const admission: StoreParts['admission'] = {
      enterSource: (folder, sources) => reserving.enterSource(folder, sources),
      async enterAll(folder, files) {
        await commitThread.opened
        const rooms = await reserving.enterAll(folder, files)
        // Complete files have priority over partial ones; the sender retries.
        for (const room of rooms)
          if (room instanceof StorageError && room.missingBytes !== null)
            partials.makeRoom(folder, room.missingBytes)
        return rooms
      },
    }
    const groupCommit = openGroupCommit(commitThread)
    this.#parts = { temporary, admission, commitThread, groupCommit, partials, watch, onDurable }
    this.#small = new SmallStoring(this.#parts, this.#writer)
    this.#copies = new Copies(root, this.#parts)
    commitThread.opened.then(
      ({ aside }) => {
        if (aside !== null) log(`the manifest could not be read and was kept as ${aside}`)
        void partials.load()
        void this.prune()
      },
      (error: unknown) => log(`the store cannot be used: ${String(error)}`),
    )
  }

  /**
   * Returns a sender's last session, after the store was opened; null: the store cannot be read. Files that a session
   * has left when it was closed do not change this answer.
   */
  async known(folder: string): Promise<KnownSession | null> {
    const { epoch } = await this.#parts.commitThread.opened
    if (epoch === null) return null
    await this.#parts.groupCommit.current()
    const { position, session } = this.usage(folder)
    return { epoch, position, session }
  }

  /** Returns the directory of a sender's source; adds it to the manifest if it is new. @throws system errors */
  source(folder: string, directory: string): Promise<StoreSource> {
    const key = `${folder}/${directory}`
    const { commitThread } = this.#parts
    const found =
      this.#sources.get(key) ??
      commitThread.call('source', { folder, directory }).then((id) => ({ id, folder, directory }))
    this.#sources.set(key, found)
    // A failed call is repeated next time.
    found.catch(() => this.#sources.delete(key))
    return found
  }

  /** @param sources a sender's sources with a new one. @throws StorageError if it has no room for that; system errors */
  async admitSource(folder: string, sources: number): Promise<void> {
    await this.#parts.watch.during(() => this.#parts.admission.enterSource(folder, sources))
  }

  /** Stores a group of small files of one sender. Never throws. */
  receiveAll(files: readonly SmallIncoming[], events: StoreSmallEvents): void {
    this.#small.store(files, events)
  }

  /** Stores a small file; resolves when it is durable, or with the reason why it is not. Never rejects. */
  receive(file: SmallIncoming): Promise<StoreResult> {
    return new Promise((resolve) => {
      const onStored = (_: number, result: StoreResult) => resolve(result)
      this.receiveAll([file], { directories: [], onWritten: () => undefined, onStored })
    })
  }

  /** Stores a file that arrives in pieces. */
  begin(file: Offered, options: LargeOptions): IncomingFile {
    return new LargeStoring(file, options, this.#parts, this.#largeWrites)
  }

  /** Stores a file whose content is in the store already (see `Copies`). Never rejects. */
  copy(file: Offered, copy: ToCopy, signal: AbortSignal, turns: Semaphore): Promise<StoreResult> {
    return this.#copies.copy(file, copy, signal, turns)
  }

  /**
   * Proves that a file is stored (see `Copies`). Unless it is a sample, it is protected from pruning for ever.
   */
  async prove(
    of: StoredAt,
    size: number,
    nonce: Uint8Array,
    signal: AbortSignal,
    isSample = false,
  ): Promise<Buffer> {
    if (isSample) return this.#proveSample(of, size, nonce, signal)
    // Protected first: the source removes a proven file, so it must not be pruned a moment later.
    const place = { source: of.source.id, path: of.path }
    if (!(await this.#parts.commitThread.call('pin', place)))
      throw new StorageError('unknown', 'not in the manifest')
    return this.#copies.prove(of, size, nonce, signal)
  }

  /** A file below the mount point of a missing disk is not missing. @throws StorageError ENODEV */
  async #proveSample(of: StoredAt, size: number, nonce: Uint8Array, signal: AbortSignal): Promise<Buffer> {
    const requireDisk = () => this.#parts.commitThread.call('wake', null)
    await requireDisk()
    try {
      return await this.#copies.prove(of, size, nonce, signal)
    } catch (error) {
      await requireDisk()
      throw error
    }
  }

  /** Returns a page of files that a sender should offer again, skipping the first `after`. */
  wanted(folder: string, after: number): Promise<CommitCalls['wanted']['output']> {
    return this.#parts.commitThread.call('wanted', { folder, after, limit: WANTED })
  }

  /** Requests all files again that have changed in a sender's folder since a position. */
  async wantSince(folder: string, position: number): Promise<void> {
    await this.#parts.commitThread.call('wantSince', { folder, position })
  }

  /** Removes the partial files of revoked senders. */
  abandon(folders: ReadonlySet<string>): Promise<void> {
    return this.#parts.partials.abandon(folders)
  }

  /** Removes expired older versions, also every hour. Resolves when all paths were checked. Never rejects. */
  prune(): Promise<void> {
    this.#pruning ??= this.#pruneAll()
      .catch((error: unknown) => {
        if (!this.#isClosed) this.#options.log(`older contents cannot be removed: ${String(error)}`)
      })
      .finally(() => {
        this.#pruning = null
      })
    return this.#pruning
  }

  /** Lists and reads stored files, for restoring. */
  readonly read: Thread<ReadCalls>['call'] = (...asked) => this.#reader.call(...asked)

  /** Returns the totals of a sender, older versions included. */
  readonly usage = (folder: string): SenderTotals => this.#totals.get(folder) ?? NOTHING

  /** Returns the age of the oldest pending disk call, in milliseconds. */
  stalledMs(): number {
    return this.#parts.watch.oldestMs()
  }

  async close(): Promise<void> {
    const { commitThread, groupCommit, partials } = this.#parts
    this.#isClosed = true
    clearInterval(this.#pruneTimer)
    partials.close()
    await withTimeout(END_WITHIN_MS, Promise.all([this.#small.end(), groupCommit.close()]))
    await commitThread.close()
    void this.#writer.close()
    void this.#reader.close()
  }

  async #pruneAll(): Promise<void> {
    const { rules, log } = this.#options
    let after: { source: number; key: string } | null = { source: 0, key: '' }
    while (after !== null && !this.#isClosed) {
      const from: CommitCalls['prune']['input'] = { keep: withLock(rules.keep, rules.lockDays), after }
      const { failures, next }: Pruned = await this.#parts.commitThread.call('prune', from)
      const [failure] = failures
      if (failure !== undefined) log(`older contents cannot be removed (${failures.length}): ${failure}`)
      after = next
    }
  }

  #replaced(why: string): void {
    if (this.#isReplaced) return
    this.#isReplaced = true
    this.#options.log(why)
    this.#options.onReplaced?.()
  }
}

/** The result of comparing the last session at both ends. */
interface SessionComparison {
  /** The sender's data, or the store, was restored to an earlier state or copied: it is reported at both ends. */
  isForked: boolean
  /** Position after which the sender does not know the stored files: they are offered again; null: none. */
  offerSince: number | null
}

/**
 * Compares the last session at both ends. Each session has a name that both ends record: the sender before it sends
 * anything, the receiver with the first file that it stores. If the store's last session is neither of the two that the
 * sender may know, another computer has sent in between: a copy of the sender, or the sender before it was restored to
 * an earlier state. A sender can also be restored within a session (a snapshot of a running computer): files whose
 * answer was lost in this way are handled like files that were never answered. Pure.
 */
export function compareSessions(
  theirs: FrameHeader<'hello'>['session'],
  ours: KnownSession | null,
): SessionComparison {
  const nothing: SessionComparison = { isForked: false, offerSince: null }
  // A sender without a session, or with another manifest, offers everything again.
  if (theirs === null || ours === null || theirs.epoch !== ours.epoch || ours.session === null) return nothing
  return {
    isForked: theirs.last !== ours.session && theirs.next !== ours.session,
    offerSince: theirs.position < ours.position ? theirs.position : null,
  }
}
