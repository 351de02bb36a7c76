import { constants } from 'node:fs'
import { type FileHandle, open, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { warnUnlessCode } from '../../dropped-errors.ts'
import { createNameFilter, toClosedRules } from '../../filter/exclusion-rules.ts'
import type { BatchMessages } from '../../ledger/contract.ts'
import { type Semaphore, withPermit } from '../../lib/async/semaphore.ts'
import { untilAborted } from '../../lib/async/timing.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { HOLD_DIRECTORY } from '../../platform/fd.ts'
import { findMount, isReadOnly, readMounts } from '../../platform/mounts.ts'
import { errorCode, errorText, isGone } from '../../platform/system-error.ts'
import { hasOwnClosedMark, type Source } from '../../settings/schema.ts'
import { absolutePath, bornAt, joinRelative, type ScannedFile } from '../../walk/scanned-file.ts'
import { callOn, findDiskRoot } from '../../walk/walk.ts'
import { isAtWork, probeWriters } from '../../watch/open-writers.ts'
import type { TreeWatcher } from '../../watch/tree-watcher.ts'
import { compareWithLedger, countUnsent, findUnknown } from '../reconcile/ledger-diff.ts'
import { offerFiles, type Reconciled, reconcileTree } from '../reconcile/reconcile.ts'
import type { SessionContext } from '../source-session.ts'
import type { MarkingEffects } from './marking.ts'
import { readMarkTime } from './read-batches.ts'
import { getIdentity } from './rules.ts'

// Lists one batch directory and marks it as sent, when marking.ts decides so.

/** O_EXCL: existing files, including a dangling symbolic link, are not touched. */
const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY

/** Counts of a batch directory: files excluded by the source's filters, and all that were seen. */
type NeverSent = Pick<Reconciled, 'leftOut' | 'seen'>

/** Services of the source that a batch directory uses. */
export interface BatchServices {
  readonly context: SessionContext
  /** The watcher of the whole source. */
  readonly watcher: Pick<TreeWatcher, 'examine'>
  readonly listings: Semaphore
  /** Schedules a look at all batch directories. */
  lookSoon(): void
  /** Looks at all batch directories now. True if a newer one than this exists. */
  isOvertaken(name: string): Promise<boolean>
  /** Called before the directory is marked as sent, with the sentences to report from then on. */
  beforeMark(batch: BatchMessages): void
  /** Called after the directory was marked as sent. */
  afterMark(said: readonly Message[]): void
  report(): void
  /** Offers files of any of the directories. */
  offer(files: readonly ScannedFile[]): void
  /** Sends files whose group-write bit Holdfast has set, as the mark of their directory shows. */
  sendOwn(files: readonly ScannedFile[]): void
  /** True if a decision about these files, which carry isocket's mark, exists and was carried out. */
  decide(files: readonly ScannedFile[]): boolean
}

/** A batch directory that was found. */
interface FoundBatch {
  name: string
  /** See getIdentity. */
  identity: string
  /** Called when events, or a listing, queued files of it. */
  brought(files: number): void
  /** Aborted when the directory is forgotten. */
  signal: AbortSignal
}

/** Effects of one batch directory's marking on real files, the real watcher and the real ledger. */
export class BatchEffects implements MarkingEffects {
  readonly #host: BatchServices
  readonly #found: FoundBatch
  readonly #context: SessionContext
  readonly #directory: string
  readonly #held: Said
  readonly #failure: Said
  #never: NeverSent = { leftOut: 0, seen: 0 }
  #unproven = 0
  /** The file last logged as keeping the directory unmarked. */
  #named: string | null = null

  constructor(host: BatchServices, found: FoundBatch) {
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
    const examine = async (file: string) => {
      const seen = await probeWriters(context.root, file, this.#place)
      if (isAtWork(seen, { quietMs: context.quietMs, isClosed: wasClosed })) {
        atWork ??= file
        return null
      }
      return 'scanned' in seen ? seen.scanned : null
    }
    const result = await reconcileTree(context, this.#host.watcher, name, {
      temporary: async (files) => {
        // In a directory that is complete, temporary names do not count.
        if (!isOvertaken && !wasClosed) return
        for (const file of files) {
          const scanned = await examine(file)
          if (scanned === null) continue
          const { unproven: left } = compareWithLedger(context, [scanned])
          if (left.length > 0) doubt(left)
          else this.#found.brought(offerFiles(context, [scanned]))
        }
      },
      unproven: doubt,
      async due([first]) {
        // Everything that could be sent was sent: this file is held open.
        if (isLast && atWork === null && first !== undefined) await examine(first)
      },
    })
    // Files that were removed after they were sent count as seen.
    this.#never = { ...result, seen: Math.max(this.#never.seen, result.seen) }
    this.#unproven = unproven
    const isMarkDue = wasClosed && atWork === null && (await this.#offerOwnMark(result, examine)) !== null
    if (isMarkDue) result.due += 1
    if (atWork !== null && atWork !== this.#named && !wasClosed)
      context.log(`${atWork} is being written: ${name} is not marked before it has its name`)
    this.#held(atWork !== null && wasClosed ? describeHeldOpen(context.source, name, atWork) : null)
    this.#named = atWork
    // An incomplete listing proves nothing.
    const isUnsure = !result.complete || atWork !== null
    const count = result.due + result.unsendable + (isUnsure ? 1 : 0)
    return { found: count, closed: await this.#isClosed(), isEmpty: this.#never.seen === 0 }
  }

  /**
   * Compares the directory, which is marked as sent, with the ledger, and sends what is not known to be at every
   * destination: it was written after the mark, a destination was added, or the ledger is not that of the mark.
   * @param foreignSinceNs see BatchMetadata: a file that such a mark may be about awaits a person's decision.
   * @returns also `unproven`, the number of those, and `owesOwnMark`: its own closing mark is sent by a comparison that
   * follows the sending of its files.
   */
  compareMarked(
    foreignSinceNs: bigint | null,
  ): Promise<Reconciled & { unproven: number; owesOwnMark: boolean }> {
    const context = this.#context
    let unproven = 0
    let atWork = 0
    const doubtful: ScannedFile[] = []
    const doubt = (files: readonly ScannedFile[]) => {
      if (files.length > 0 && !this.#host.decide(files)) unproven += files.length
    }
    const isWanted = (file: ScannedFile) => {
      if (foreignSinceNs === null || file.ctimeNs > foreignSinceNs) return true
      const isKnown = findUnknown(context, [file]).length === 0
      if (!isKnown) doubtful.push(file)
      return isKnown
    }
    const examine = async (file: string) => {
      const seen = await probeWriters(context.root, file, this.#place)
      return 'scanned' in seen && !isAtWork(seen, { quietMs: context.quietMs, isClosed: true })
        ? seen.scanned
        : null
    }
    const compare = async () => {
      const result = await reconcileTree(context, this.#host.watcher, this.#found.name, {
        isWanted,
        temporary: async (files) => {
          const whole = (await Promise.all(files.map(examine))).filter((one) => one !== null)
          atWork += files.length - whole.length
          this.#host.offer(whole.filter(isWanted))
        },
        unproven: (files) => {
          if (foreignSinceNs === null) this.#host.sendOwn(files)
          else doubt(files)
        },
        due: async () => doubt(doubtful.splice(0)),
      })
      const mark = await this.#offerOwnMark({ ...result, due: result.due + atWork }, examine)
      return { ...result, unproven, owesOwnMark: mark === 'waits' }
    }
    return withPermit(this.#host.listings, () => this.#untilEnd(compare()))
  }

  /**
   * Sends the producer's own closing mark if a listing found nothing else to send, and all is sent: programs at the
   * destination take it as complete, too. null: it is not due.
   */
  async #offerOwnMark(
    { complete, due, unsendable }: Reconciled,
    examine: (file: string) => Promise<ScannedFile | null>,
  ): Promise<'offered' | 'waits' | null> {
    const { source } = this.#context
    const file = `${this.#found.name}/${source.batch.closedMark}`
    if (!hasOwnClosedMark(source.batch)) return null
    if (createNameFilter(toClosedRules(source)).fileBelow(file) !== null) return null
    const scanned = await examine(file)
    if (scanned === null || compareWithLedger(this.#context, [scanned]).due.length === 0) return null
    if (!complete || due + unsendable > 0 || this.unsent() > 0) return 'waits'
    this.#found.brought(offerFiles(this.#context, [scanned]))
    return 'offered'
  }

  unsent(): number {
    const { ledger, destinations, source } = this.#context
    const { name } = this.#found
    const { waiting, parked } = countUnsent(ledger, destinations, source.id, name)
    // Marks of files that are still to be set count as unsent: set during a listing, they would look like a program's
    // change.
    const owesMarks = destinations.some((destination) => ledger.owesMarks(destination, source.id, name))
    const owed = owesMarks && !this.#isReadOnlyHere()
    return waiting + parked + (owed ? 1 : 0) + this.#unproven
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
    this.#host.beforeMark({ name, identity, said })
    this.#context.ledger.recordBatchDurable(source.id, name, identity, Date.now())
    await this.#untilEnd(
      callOn(this.#place, () => createMark(this.#directory, source.batch.sentMark, identity)),
    )
    this.#context.ledger.batchMarked(source.id, identity)
    // A mark that already exists clears the failure, too: a person may have made it.
    this.#failure(null)
    this.#host.afterMark(said)
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
      const shown = joinRelative(source.path, this.#found.name)
      // Only the code: the system's text names the path as it was opened (/proc/self/fd/…), useless to a person.
      const reason = code ?? errorText(error)
      this.#failure(message(key, { path: shown, mark: source.batch.sentMark, reason }))
    }
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

  /** Stops waiting for a call when the directory is forgotten, so that a disk that hangs does not keep a permit. */
  #untilEnd<T>(answer: Promise<T>): Promise<T> {
    return untilAborted(this.#found.signal, answer)
  }

  /** Directory that identifies the disk for callOn: a separate disk that hangs must not use up the source's calls. */
  get #place(): string {
    return findDiskRoot(this.#context.root, this.#found.name)
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

/** Builds the sentences about files that are never sent from a marked directory. */
function describeMarked(source: Source, name: string, never: NeverSent): Message[] {
  const { leftOut, seen } = never
  const params = { path: absolutePath(source.path, name), mark: source.batch.sentMark }
  return [
    ...(leftOut > 0 ? [message('scan.leftInBatch', { ...params, count: leftOut })] : []),
    ...(seen === 0 ? [message('scan.emptyBatch', params)] : []),
  ]
}

/** Builds the sentence about a closed directory that waits for a program that still writes in it. */
function describeHeldOpen({ path, batch }: Source, name: string, file: string): Message {
  return message('scan.heldOpen', {
    path: absolutePath(path, file),
    directory: name,
    mark: batch.sentMark,
  })
}

/**
 * Makes the sent mark durably: creates it exclusively, syncs it and its directory. The mark gets the time that the
 * directory had before (to the microsecond), so that marking does not make a directory look newer than it is. A mark
 * that exists is left unchanged. Throws the system's error, after removing a mark that it made itself; ENOENT if
 * another directory than `identity` has this path now.
 */
export async function createMark(directory: string, name: string, identity: string): Promise<void> {
  // Windows cannot open directories, and does not need to sync them.
  const handle = process.platform === 'win32' ? null : await open(directory, HOLD_DIRECTORY)
  try {
    const stats = await (handle?.stat({ bigint: true }) ?? stat(directory, { bigint: true }))
    if (getIdentity({ inode: stats.ino, bornAtNs: bornAt(stats) }) !== identity)
      throw createReplacedError(directory)
    const file = path.join(getHeldPath(handle, directory), name)
    const mark = await create(file)
    try {
      await mark?.utimes(...toUtimes(stats.mtimeNs))
      await mark?.sync()
      await handle?.sync()
    } catch (thrown) {
      // A half-made mark would count, although the failure is reported.
      if (mark !== null)
        await unlink(file).catch((error) =>
          warnUnlessCode(error, ['ENOENT'], 'a mark that is not synced stays'),
        )
      throw thrown
    } finally {
      await mark?.close()
    }
  } finally {
    await handle?.close()
  }
}

/**
 * Returns, on Linux, the path of the opened directory itself (proc(5)), even if another one takes its path meanwhile.
 */
function getHeldPath(handle: FileHandle | null, directory: string): string {
  return handle !== null && process.platform === 'linux' ? `/proc/self/fd/${handle.fd}` : directory
}

/** Returns null if the file already exists. */
async function create(file: string): Promise<FileHandle | null> {
  try {
    return await open(file, CREATE, 0o644)
  } catch (thrown) {
    if (errorCode(thrown) === 'EEXIST') return null
    throw thrown
  }
}

/**
 * Converts a time for utimes. Adds half a microsecond, so that neither the floating-point number nor its truncation
 * loses one.
 */
function toUtimes(mtimeNs: bigint): [accessed: number, modified: number] {
  const seconds = (Number(mtimeNs / 1000n) + 0.5) / 1e6
  return [seconds, seconds]
}

/** Reports the sent directory as gone; the next look finds the other one. */
function createReplacedError(directory: string): Error & { code: string } {
  return Object.assign(new Error(`${directory} is another directory now`), { code: 'ENOENT' })
}
