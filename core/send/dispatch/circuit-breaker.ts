import type { Due } from '../../ledger/ledger.ts'
import { backoffMs } from '../../pacing/backoff.ts'
import type { Message } from '../../words/message.ts'
import { TROUBLE_RETRY_MS } from './retry-policy.ts'

/** So many files in a row that the destination could not take are its trouble, not theirs. */
const FAILURES_IN_A_ROW = 8
/** Twice the credit of a receiver: where so much has gone it has stored something, and the rest may take hours. */
const TAKEN_IN_BYTES = 32 * 1024 * 1024

/** A file by its row in the ledger. */
type Blocked = Pick<Due, 'id' | 'source'>

/**
 * Holds files back while a destination's store is in trouble, and lets single ones try whether it is over.
 * Times are in milliseconds of any steady clock.
 */
export type CircuitBreaker = ReturnType<typeof createCircuitBreaker>

export function createCircuitBreaker(retryMs: number, random: () => number = Math.random) {
  let problem: Message | null = null
  /** The file that the store had no room for: while it waits the problem lasts, whatever smaller ones go. */
  let blocked: Blocked | null = null
  let nextTryAt: number | null = null
  /** Sources whose try is not over: one whose disk hangs leaves the next one to others. */
  const trying = new Set<string>()
  let tries = 0
  let inRow = 0
  /** Bytes that have gone since the last failure. */
  let tookIn = 0

  const open = () => {
    nextTryAt = null
    trying.clear()
  }
  const forget = () => {
    problem = null
    blocked = null
  }
  const putOff = (now: number) => {
    tries += 1
    nextTryAt = now + backoffMs(tries, Math.min(retryMs, TROUBLE_RETRY_MS), random())
  }
  const dueBy = (now: number) => {
    if (nextTryAt !== null) nextTryAt = Math.min(nextTryAt, now)
  }

  return {
    /** Whether a file of the source may go now. In trouble one may whenever a try is due, and `begins` takes that turn. */
    mayGo: (now: number, source: string): boolean =>
      nextTryAt === null || (now >= nextTryAt && !trying.has(source)),
    begins(source: string, now: number): void {
      if (nextTryAt === null) return
      trying.add(source)
      putOff(now)
    },
    /** So many more bytes have gone. */
    went(bytes: number): void {
      tookIn += bytes
      // It may still be that none of it becomes durable: then the next failure holds back for longer than before.
      if (nextTryAt !== null && tookIn >= TAKEN_IN_BYTES) open()
    },
    stored({ id }: Pick<Blocked, 'id'>): void {
      open()
      if (blocked === null || blocked.id === id) forget()
      tries = 0
      inRow = 0
    },
    /** `yes`: the store itself is in trouble; `maybe`: perhaps only this file is. */
    failed({ id, source }: Blocked, reason: Message | null, trouble: 'maybe' | 'yes', now: number): void {
      trying.delete(source)
      problem = reason
      blocked = trouble === 'yes' ? { id, source } : null
      inRow += 1
      tookIn = 0
      // What fails in trouble had its pause when it began: the files that were under way, and those that try.
      if (nextTryAt === null && (trouble === 'yes' || inRow >= FAILURES_IN_A_ROW)) putOff(now)
    },
    /** A file of the source is over: if it has told nothing of the store, another one may try at once. */
    ended(source: string, now: number): void {
      if (!trying.delete(source)) return
      tries -= 1
      dueBy(now)
    },
    /** The destination is another one, or begins anew: a try may be made at once. What was told stays until one succeeds. */
    connected: dueBy,
    /** No file is left that could try. True: what was told is over by that, as a try is due. */
    nothingWaits(now: number): boolean {
      // Not sooner: files that come and are removed would have it told again and again.
      if (problem === null || (nextTryAt !== null && now < nextTryAt)) return false
      open()
      forget()
      return true
    },
    /** The file that it was told of. */
    get blocked() {
      return blocked
    },
    /** That file waits no more, and others go. */
    forget,
    /** What the person should know, or null. */
    get problem() {
      return problem
    },
    /** When the next try may be made; null: all may go. */
    get nextTryAt() {
      return nextTryAt
    },
  }
}
