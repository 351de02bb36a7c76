import { backoffMs } from '../../pacing/backoff.ts'
import type { Message } from '../../words/message.ts'
import { TROUBLE_RETRY_MS } from './retry-policy.ts'

/** So many files in a row that the destination could not take are its trouble, not theirs. */
const FAILURES_IN_A_ROW = 8
/** Twice the credit of a receiver: of a file of which so much has gone it has stored something, and the rest may take hours. */
const TAKEN_IN_BYTES = 32 * 1024 * 1024
/** A try of which nothing has gone for so long tells of its own source's disk, not of the destination. */
const SILENT_MS = 10_000

/**
 * Holds files back while a destination's store is in trouble, and lets single ones try whether it is over.
 * Times are in milliseconds of any steady clock.
 */
export interface CircuitBreaker {
  /**
   * Whether a file of the source may go now. In trouble that is one at a time, and `begins` takes its turn: another
   * source's is next where nothing comes of it.
   */
  mayGo(now: number, source: string): boolean
  begins(file: { id: number; source: string }, now: number): void
  /** So many more bytes of a file have gone. */
  went(id: number, bytes: number, now: number): void
  stored(): void
  /** `yes`: the store itself is in trouble; `maybe`: perhaps only this file is. */
  failed(reason: Message | null, trouble: 'maybe' | 'yes', now: number): void
  /** The file is over, whatever became of it. */
  ended(id: number): void
  /** The destination is another one, or begins anew: a try may be made at once. What was told stays until one succeeds. */
  connected(now: number): void
  /** No file is left that could try. True: what was told is over by that, as a try is due. */
  nothingWaits(now: number): boolean
  /** What the person should know, or null. */
  readonly problem: Message | null
  /** When the next try may be made; null: all may go. */
  readonly nextTryAt: number | null
}

interface Try {
  source: string
  bytes: number
  /** Something of it has gone, or it began. */
  since: number
}

export function createCircuitBreaker(retryMs: number, random: () => number = Math.random): CircuitBreaker {
  let problem: Message | null = null
  let nextTryAt: number | null = null
  /** By file. At most one of each source: those whose disks hang stay here for as long as they do. */
  const trying = new Map<number, Try>()
  let tries = 0
  let inRow = 0

  const reset = () => {
    problem = null
    nextTryAt = null
    trying.clear()
  }

  return {
    mayGo(now, source) {
      if (nextTryAt === null) return true
      const standsInTheWay = (one: Try) => one.source === source || now < one.since + SILENT_MS
      return now >= nextTryAt && ![...trying.values()].some(standsInTheWay)
    },
    begins({ id, source }, now) {
      if (nextTryAt !== null) trying.set(id, { source, bytes: 0, since: now })
    },
    went(id, bytes, now) {
      const tried = trying.get(id)
      if (tried === undefined) return
      tried.bytes += bytes
      tried.since = now
      // It may still be that none of it becomes durable: then the next failure holds back for longer than before.
      if (tried.bytes >= TAKEN_IN_BYTES) reset()
    },
    stored() {
      reset()
      tries = 0
      inRow = 0
    },
    failed(reason, trouble, now) {
      problem = reason
      inRow += 1
      const isTrouble = trouble === 'yes' || inRow >= FAILURES_IN_A_ROW || nextTryAt !== null
      // Files that were under way when it began fail together: that is one failure, not many.
      if (!isTrouble || (nextTryAt !== null && now < nextTryAt)) return
      tries += 1
      nextTryAt = now + backoffMs(tries, Math.min(retryMs, TROUBLE_RETRY_MS), random())
    },
    ended(id) {
      trying.delete(id)
    },
    connected(now) {
      if (nextTryAt !== null) nextTryAt = Math.min(nextTryAt, now)
    },
    nothingWaits(now) {
      // Not sooner: files that come and are removed would have it told again and again.
      if (problem === null || (nextTryAt !== null && now < nextTryAt)) return false
      reset()
      return true
    },
    get problem() {
      return problem
    },
    get nextTryAt() {
      return nextTryAt
    },
  }
}
