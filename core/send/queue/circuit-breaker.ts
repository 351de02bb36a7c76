import type { QueuedFile, TransferResult } from '../../ledger/ledger.ts'
import { backoffMs } from '../../lib/async/backoff.ts'
import type { Message, WordKey } from '../../lib/i18n/message.ts'
import { DESTINATION_RETRY_MS, RETRY_RULES } from './retry-policy.ts'

/**
 * Bytes sent since the last failure that show that the store works again. They are twice what a receiver takes
 * unacknowledged, so it has stored some of them. The end of the file may be hours away.
 */
const RECOVERED_AFTER_BYTES = 32 * 1024 * 1024

/** The most files that are listed as too large; each is looked for in the ledger every few seconds. */
const MOST_UNFIT = 5_000

/** A file, by its row in the ledger. */
type Blocked = Pick<QueuedFile, 'id' | 'source' | 'path' | 'size'>

const FULL: ReadonlySet<WordKey> = new Set([
  'transfer.storeFull',
  'transfer.storeFloor',
  'transfer.storeNames',
  'transfer.quotaBytes',
  'transfer.quotaFiles',
  'transfer.objects.full',
])
/** True if a destination has no room for a file. It may have room for a smaller one. */
export const isFull = (problem: Message | null): boolean => problem !== null && FULL.has(problem.key)

type Retry = Pick<Extract<TransferResult, { kind: 'retry' }>, 'cause' | 'reason'>

/**
 * Holds files back while a destination's store fails, and lets single files test whether it has recovered.
 * Times are in milliseconds of any monotonic clock.
 */
export class CircuitBreaker {
  readonly #retryMs: number
  readonly #random: () => number
  #problem: Message | null = null
  /** The file that the store had no room for: the problem lasts while it waits, even if smaller files succeed. */
  #blocked: Blocked | null = null
  /** Files that the store had no room for, and that did not keep it from storing others. */
  readonly #unfit = new Map<number, Blocked>()
  #nextTryAt: number | null = null
  /** Sources with a running trial. A source whose disk hangs thus leaves the next trial to other sources. */
  readonly #trying = new Set<string>()
  #tries = 0
  #failuresInRow = 0
  /** Bytes sent since the last failure. */
  #sentBytes = 0

  constructor(retryMs: number, random: () => number = Math.random) {
    this.#retryMs = retryMs
    this.#random = random
  }

  /** The message for the person, or null. */
  get problem(): Message | null {
    return this.#problem
  }

  /** The file behind the problem, or null. */
  get blocked(): Blocked | null {
    return this.#blocked
  }

  /** Files that the store has no room for, while it stores others. */
  get unfit(): Blocked[] {
    return [...this.#unfit.values()]
  }

  /** Forgets those of them that no longer wait. Returns true if there were any. */
  forgetUnfit(isGone: (file: Blocked) => boolean): boolean {
    const gone = this.unfit.filter(isGone)
    for (const { id } of gone) this.#unfit.delete(id)
    return gone.length > 0
  }

  /** Time of the next trial; null: all files may go. */
  get nextTryAt(): number | null {
    return this.#nextTryAt
  }

  /** True if a file of the source may go now. After a failure this means a trial is due; `begins` then uses it. */
  mayGo(now: number, source: string): boolean {
    return this.#nextTryAt === null || (now >= this.#nextTryAt && !this.#trying.has(source))
  }

  begins(source: string, now: number): void {
    if (this.#nextTryAt === null) return
    this.#trying.add(source)
    this.#putOff(now)
  }

  /** Counts bytes that were sent. */
  countSent(bytes: number): void {
    this.#sentBytes += bytes
    // These bytes may still fail to become durable: the next failure then causes a longer pause.
    if (this.#nextTryAt !== null && this.#sentBytes >= RECOVERED_AFTER_BYTES) this.#endPause()
  }

  stored({ id }: Pick<Blocked, 'id'>): void {
    this.#endPause()
    this.#unfit.delete(id)
    if (this.#blocked === null || this.#blocked.id === id) this.forget()
    else if (isFull(this.#problem)) this.#unfit.set(this.#blocked.id, this.#blocked)
    const [oldest] = this.#unfit.keys()
    if (oldest !== undefined && this.#unfit.size > MOST_UNFIT) this.#unfit.delete(oldest)
    this.#tries = 0
    this.#failuresInRow = 0
  }

  /** A file was not stored: holds back the others if the retry policy blames the destination. */
  failed(file: Blocked, { cause, reason }: Retry, now: number): void {
    const { heldBackAfter } = RETRY_RULES[cause]
    if (heldBackAfter === undefined) return
    const { id, source, path, size } = file
    this.#trying.delete(source)
    // It shows nothing about smaller files.
    const isKnown = isFull(reason) && this.#unfit.has(id)
    if (isKnown && this.#nextTryAt !== null) return
    this.#problem = reason
    this.#blocked = cause === 'destination' ? { id, source, path, size } : null
    if (isKnown) return
    this.#failuresInRow += 1
    this.#sentBytes = 0
    // Failures of trials, or of files that were under way when the pause began, do not lengthen it.
    if (this.#nextTryAt === null && this.#failuresInRow >= heldBackAfter) this.#putOff(now)
  }

  /** Ends the source's trial. If it showed nothing about the store, another trial may start at once. */
  ended(source: string, now: number): void {
    // After a stored or failed file the set no longer contains the source.
    if (!this.#trying.delete(source)) return
    // A trial without a result must not lengthen the next pause.
    this.#tries -= 1
    this.tryNow(now)
  }

  /** Allows a trial at once, after the session changed. The problem stays reported until a file succeeds. */
  tryNow(now: number): void {
    if (this.#nextTryAt !== null) this.#nextTryAt = Math.min(this.#nextTryAt, now)
  }

  /** No file is left for a trial. Returns true if that clears the problem, which needs a trial to be due. */
  clearIfIdle(now: number): boolean {
    // Not sooner: files that come and are removed would cause the same report again and again.
    if (this.#problem === null || (this.#nextTryAt !== null && now < this.#nextTryAt)) return false
    this.#endPause()
    this.forget()
    return true
  }

  /** Clears the problem: its file no longer waits, and other files go. */
  forget(): void {
    this.#problem = null
    this.#blocked = null
  }

  /** Lets all files go. */
  #endPause(): void {
    this.#nextTryAt = null
    this.#trying.clear()
  }

  /** Begins a pause, or lengthens it, until the next trial. */
  #putOff(now: number): void {
    this.#tries += 1
    this.#nextTryAt =
      now + backoffMs(this.#tries, Math.min(this.#retryMs, DESTINATION_RETRY_MS), this.#random())
  }
}
