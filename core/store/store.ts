import { createSemaphore } from '../lib/async/semaphore.ts'
import { withTimeout } from '../lib/async/with-timeout.ts'
import { openThread, type Thread } from '../lib/workers/thread.ts'
import type { FrameHeader } from '../protocol/frames.ts'
import { CommitThread } from './commit-thread.ts'
import { Copies } from './copies.ts'
import { openStoreCopy } from './copy.ts'
import { openGroupCommit } from './group-commit.ts'
import { type IncomingFile, LARGE_WRITES_AT_ONCE, type LargeOptions, LargeStoring } from './large.ts'
import type { StoreLayout } from './layout.ts'
import type { SenderTotals } from './manifest/totals.ts'
import { FileRefused, type Outcome } from './outcome.ts'
import { Partials } from './partials.ts'
import { createCallWatch, type Offered, type StoredAt, type StoreParts, type StoreSource } from './parts.ts'
import { openPruner } from './pruner.ts'
import { Admission } from './quota/admission.ts'
import type { StoreRules } from './quota/rules.ts'
import { type SmallIncoming, SmallStoring, type StoreSmallEvents } from './small.ts'
import type { CommitCalls, ReadCalls, StoreThreadData, WriteCalls } from './store-messages.ts'

export type { ToCopy } from './copy.ts'
export type { IncomingFile } from './large.ts'
export type { Stored } from './outcome.ts'
export type { Offered, StoreSource } from './parts.ts'
export type { SmallIncoming, StoreSmallEvents } from './small.ts'

/** What the store knows of a sender's last session. */
export interface KnownSession {
  epoch: string
  position: number
  /** null: nothing was ever stored by one. */
  session: string | null
}

interface StoreOptions {
  /** The script of the store's threads. */
  thread: URL
  rules: StoreRules
  log(text: string): void
  /** A file became durable, so many seconds after its last byte. */
  onDurable?(seconds: number): void
  /** The manifest is another one than before: the store takes nothing until it is opened anew. */
  onReplaced?(): void
}

/** Files that a sender is asked for again at a time. */
const WANTED = 256
/** Closing waits so long, in milliseconds, for what is under way: a disk may hang. */
const END_WITHIN_MS = 2_000
const NOTHING: SenderTotals = { files: 0, bytes: 0, names: 0, position: 0, session: null }

/** Keeps files at rest: each whole and durable, or not at all. It must be locked (lock.ts). */
export class Store {
  readonly copy: ReturnType<typeof openStoreCopy>
  readonly #parts: StoreParts
  readonly #writer: Thread<WriteCalls>
  readonly #reader: Thread<ReadCalls>
  readonly #small: SmallStoring
  readonly #largeWrites = createSemaphore(LARGE_WRITES_AT_ONCE)
  readonly #copies: Copies
  readonly #pruner: ReturnType<typeof openPruner>
  readonly #totals = new Map<string, SenderTotals>()
  readonly #sources = new Map<string, Promise<StoreSource>>()
  #isReplaced = false

  constructor(layout: StoreLayout, options: StoreOptions) {
    const { root, temporary } = layout
    const { thread: script, rules, log, onDurable = () => undefined } = options
    const watch = createCallWatch()
    const commitThread = new CommitThread({
      ...{ root, script, watch },
      onTotals: (changed) => {
        for (const [folder, one] of changed) this.#totals.set(folder, one)
      },
      onReplaced: (why) => this.#replaced(why, options),
    })
    this.#writer = openThread(script, { data: { role: 'write' } satisfies StoreThreadData, youngMb: 4 })
    // One of its own: it holds up nothing that is being stored.
    const reads: StoreThreadData = { role: 'read', root }
    this.#reader = openThread(script, { data: reads, youngMb: 8 })
    const reserving = new Admission(root, rules, this.usage)
    const partials = new Partials(layout.partial, reserving)
    const admission: StoreParts['admission'] = {
      async enterAll(folder, files) {
        await commitThread.opened
        const rooms = await reserving.enterAll(folder, files)
        // Complete files go before partial ones; the sender tries again.
        for (const room of rooms)
          if (room instanceof FileRefused && room.missingBytes !== null)
            partials.makeRoom(folder, room.missingBytes)
        return rooms
      },
    }
    const groupCommit = openGroupCommit(commitThread)
    this.#parts = { temporary, admission, commitThread, groupCommit, partials, watch, onDurable }
    this.#small = new SmallStoring(this.#parts, this.#writer)
    this.#copies = new Copies(root, watch)
    this.copy = openStoreCopy(this.#parts, this.#copies)
    this.#pruner = openPruner(commitThread, rules.keep, log)
    commitThread.opened.then(
      ({ aside }) => {
        if (aside !== null) log(`the manifest could not be read and was kept as ${aside}`)
        void partials.load()
        void this.prune()
      },
      (error: unknown) => log(`the store cannot be used: ${String(error)}`),
    )
  }

  /** null: the store cannot be read now. Waits for the first look at it. */
  async known(folder: string): Promise<KnownSession | null> {
    const { epoch } = await this.#parts.commitThread.opened
    if (epoch === null) return null
    const { position, session } = this.usage(folder)
    return { epoch, position, session }
  }

  /** The directory of a sender's source, made in the manifest if it is new. @throws what the system says. */
  source(folder: string, directory: string): Promise<StoreSource> {
    const key = `${folder}/${directory}`
    const { commitThread } = this.#parts
    const found =
      this.#sources.get(key) ??
      commitThread.call('source', { folder, directory }).then((id) => ({ id, folder, directory }))
    this.#sources.set(key, found)
    // What failed is tried anew.
    found.catch(() => this.#sources.delete(key))
    return found
  }

  /** Stores whole small files of one sender that came together. Never throws. */
  receiveAll(files: readonly SmallIncoming[], events: StoreSmallEvents): void {
    this.#small.store(files, events)
  }

  /** One small file: resolves when it is durable, or says why it is not. Never rejects. */
  receive(file: SmallIncoming): Promise<Outcome> {
    return new Promise((resolve) => {
      const onStored = (_: number, outcome: Outcome) => resolve(outcome)
      this.receiveAll([file], { directories: [], onWritten: () => undefined, onStored })
    })
  }

  /** Stores a file that comes in pieces. */
  begin(file: Offered, options: LargeOptions): IncomingFile {
    return new LargeStoring(file, options, this.#parts, this.#largeWrites)
  }

  /** See Copies; the content is kept for ever from now on. */
  async prove(of: StoredAt, size: number, nonce: Uint8Array, signal: AbortSignal): Promise<Buffer> {
    // First: what is proven, and removed at the source for that, must not be pruned a moment later.
    const place = { source: of.source.id, path: of.path }
    if (!(await this.#parts.commitThread.call('pin', place)))
      throw new FileRefused('unknown', 'not in the manifest')
    return this.#copies.prove(of, size, nonce, signal)
  }

  /** Files that a sender should offer again, behind the first `after` of them. */
  wanted(folder: string, after: number): Promise<CommitCalls['wanted']['output']> {
    return this.#parts.commitThread.call('wanted', { folder, after, limit: WANTED })
  }

  /** Has a sender offer again what has changed in its folder since a position. */
  async wantSince(folder: string, position: number): Promise<void> {
    await this.#parts.commitThread.call('wantSince', { folder, position })
  }

  /** These senders may send no longer: their partial files are removed. */
  abandon(folders: ReadonlySet<string>): Promise<void> {
    return this.#parts.partials.abandon(folders)
  }

  /** Removes older contents that are kept no longer. */
  prune(): Promise<void> {
    return this.#pruner.prune()
  }

  /** What is stored, for those that want it back. */
  readonly read: Thread<ReadCalls>['call'] = (...asked) => this.#reader.call(...asked)

  /** Contents that a sender has in the store, older ones included. */
  readonly usage = (folder: string): SenderTotals => this.#totals.get(folder) ?? NOTHING

  /** How long the disk has left its oldest call unanswered, in milliseconds. */
  stalledMs(): number {
    return this.#parts.watch.oldestMs()
  }

  async close(): Promise<void> {
    const { commitThread, groupCommit, partials } = this.#parts
    this.#pruner.close()
    partials.close()
    await withTimeout(END_WITHIN_MS, Promise.all([this.#small.end(), groupCommit.close()]))
    await commitThread.close()
    void this.#writer.close()
    void this.#reader.close()
  }

  #replaced(why: string, { log, onReplaced }: StoreOptions): void {
    if (this.#isReplaced) return
    this.#isReplaced = true
    log(why)
    onReplaced?.()
  }
}

/** What becomes of what both ends remember of their last session. */
interface Judged {
  /** The sender's data, or the store, was put back to an earlier state or copied: somebody has to know. */
  isForked: boolean
  /** What the store has got since this position the sender does not know: it is offered again; null: nothing. */
  offerSince: number | null
}

/**
 * Each session has a name that both ends write down: the sender before it sends anything, the receiver with the first
 * that it stores. Where the last name that has stored something is none of the two that the sender may know, somebody
 * else has sent in its place since: a copy of it, or it itself, before it was put back. Also within one session it may
 * have been put back (a snapshot of a computer that runs): what it was not answered, or knows no more, is the same here.
 * Pure.
 */
export function judgeSession(theirs: FrameHeader<'hello'>['session'], ours: KnownSession | null): Judged {
  const nothing: Judged = { isForked: false, offerSince: null }
  // A sender without a session, or of another manifest, offers everything anyway.
  if (theirs === null || ours === null || theirs.epoch !== ours.epoch || ours.session === null) return nothing
  return {
    isForked: theirs.last !== ours.session && theirs.next !== ours.session,
    offerSince: theirs.position < ours.position ? theirs.position : null,
  }
}
