import type { QueuedFile } from '../../ledger/ledger.ts'
import { backoffMs } from '../../lib/async/backoff.ts'
import type { Message } from '../../lib/i18n/message.ts'
import { TROUBLE_RETRY_MS } from './retry-policy.ts'

/** So many files in a row that the destination could not take are its trouble, not theirs. */
const FAILURES_IN_A_ROW = 8
/** Twice the credit of a receiver: where so much has gone it has stored something, and the rest may take hours. */
const TAKEN_IN_BYTES = 32 * 1024 * 1024

/** A file by its row in the ledger. */
type Blocked = Pick<QueuedFile, 'id' | 'source'>

/**
 * Holds files back while a destination's store is in trouble, and lets single ones try whether it is over.
 * Times are in milliseconds of any steady clock.
 */
export class CircuitBreaker {
  readonly #retryMs: number
  readonly #random: () => number
  #problem: Message | null = null
  /** The file that the store had no room for: while it waits the problem lasts, whatever smaller ones go. */
  #blocked: Blocked | null = null
  #nextTryAt: number | null = null
  /** Sources whose try is not over: one whose disk hangs leaves the next one to others. */
  readonly #trying = new Set<string>()
  #tries = 0
  #inRow = 0
  /** Bytes that have gone since the last failure. */
  #tookIn = 0

  constructor(retryMs: number, random: () => number = Math.random) {
    this.#retryMs = retryMs
    this.#random = random
  }

  /** What the person should know, or null. */
  get problem(): Message | null {
    return this.#problem
  }

  /** The file that it was told of. */
  get blocked(): Blocked | null {
    return this.#blocked
  }

  /** When the next try may be made; null: all may go. */
  get nextTryAt(): number | null {
    return this.#nextTryAt
  }

  /** Whether a file of the source may go now. In trouble one may whenever a try is due, and `begins` takes that turn. */
  mayGo(now: number, source: string): boolean {
    return this.#nextTryAt === null || (now >= this.#nextTryAt && !this.#trying.has(source))
  }

  begins(source: string, now: number): void {
    if (this.#nextTryAt === null) return
    this.#trying.add(source)
    this.#putOff(now)
  }

  /** So many more bytes have gone. */
  went(bytes: number): void {
    this.#tookIn += bytes
    // It may still be that none of it becomes durable: then the next failure holds back for longer than before.
    if (this.#nextTryAt !== null && this.#tookIn >= TAKEN_IN_BYTES) this.#open()
  }

  stored({ id }: Pick<Blocked, 'id'>): void {
    this.#open()
    if (this.#blocked === null || this.#blocked.id === id) this.forget()
    this.#tries = 0
    this.#inRow = 0
  }

  /** `yes`: the store itself is in trouble; `maybe`: perhaps only this file is. */
  failed({ id, source }: Blocked, reason: Message | null, trouble: 'maybe' | 'yes', now: number): void {
    this.#trying.delete(source)
    this.#problem = reason
    this.#blocked = trouble === 'yes' ? { id, source } : null
    this.#inRow += 1
    this.#tookIn = 0
    // What fails in trouble had its pause when it began: the files that were under way, and those that try.
    if (this.#nextTryAt === null && (trouble === 'yes' || this.#inRow >= FAILURES_IN_A_ROW)) this.#putOff(now)
  }

  /** A file of the source is over: if it has told nothing of the store, another one may try at once. */
  ended(source: string, now: number): void {
    if (!this.#trying.delete(source)) return
    this.#tries -= 1
    this.tryNow(now)
  }

  /** A try may be made at once, as the destination is another one, or begins anew. What was told stays until one succeeds. */
  tryNow(now: number): void {
    if (this.#nextTryAt !== null) this.#nextTryAt = Math.min(this.#nextTryAt, now)
  }

  /** No file is left that could try. True: what was told is over by that, as a try is due. */
  nothingWaits(now: number): boolean {
    // Not sooner: files that come and are removed would have it told again and again.
    if (this.#problem === null || (this.#nextTryAt !== null && now < this.#nextTryAt)) return false
    this.#open()
    this.forget()
    return true
  }

  /** That file waits no more, and others go. */
  forget(): void {
    this.#problem = null
    this.#blocked = null
  }

  #open(): void {
    this.#nextTryAt = null
    this.#trying.clear()
  }

  #putOff(now: number): void {
    this.#tries += 1
    this.#nextTryAt = now + backoffMs(this.#tries, Math.min(this.#retryMs, TROUBLE_RETRY_MS), this.#random())
  }
}
