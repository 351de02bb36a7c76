import { backoffMs } from '../../pacing/backoff.ts'
import type { Message } from '../../words/message.ts'

/** So many files in a row that the store could not take are the store's trouble, not theirs. */
const FAILURES_IN_A_ROW = 8
/** A store in trouble is tried again within this, whatever the retry policy: somebody has just made room in it. */
export const STORE_RETRY_MS = 12_000
/** Twice the credit of a receiver: of a file of which so much has gone it has stored something, and the rest may take hours. */
const TAKEN_IN_BYTES = 32 * 1024 * 1024
/** A try of which nothing has gone for so long tells of its own source's disk, not of the store. */
const SILENT_MS = 10_000

/**
 * Holds files back while the receiver's store is in trouble, and lets single ones try whether it is over.
 * Times are in milliseconds of any steady clock.
 */
export interface Gate {
  /**
   * Whether a file of the source may go now. In trouble that is one at a time, and `pass` takes its turn: another source's
   * is next where nothing comes of it.
   */
  isOpen(now: number, source: string): boolean
  pass(file: { id: number; source: string }, now: number): void
  stored(): void
  /** So many more bytes of a file have gone. */
  went(id: number, bytes: number, now: number): void
  /** `store`: the store itself is in trouble; `file`: perhaps only this file is. */
  failed(reason: Message, kind: 'store' | 'file', now: number): void
  /** The file is over, whatever became of it. */
  over(id: number): void
  /** The receiver is another one, or begins anew: a try may be made at once. What was told stays until one succeeds. */
  connected(now: number): void
  /** No file is left that could try. True: what was told is over by that, as a try is due. */
  nothingWaits(now: number): boolean
  /** What the person should know, or null. */
  readonly problem: Message | null
  /** When the next try may be made, or null while the gate is open. */
  readonly nextTryAt: number | null
}

interface Try {
  source: string
  bytes: number
  /** Something of it has gone, or it began. */
  since: number
}

export function createGate(retryMs: number, random: () => number = Math.random): Gate {
  let problem: Message | null = null
  let closedUntil: number | null = null
  /** By file. At most one of each source: those whose disks hang stay here for as long as they do. */
  const trying = new Map<number, Try>()
  let tries = 0
  let inRow = 0

  const close = (now: number) => {
    // Files that were under way when it began fail together: that is one failure, not many.
    if (closedUntil !== null && now < closedUntil) return
    tries += 1
    closedUntil = now + backoffMs(tries, Math.min(retryMs, STORE_RETRY_MS), random())
  }

  const open = () => {
    problem = null
    closedUntil = null
    trying.clear()
  }

  return {
    isOpen(now, source) {
      if (closedUntil === null) return true
      const standInTheWay = (one: Try) => one.source === source || now < one.since + SILENT_MS
      return now >= closedUntil && ![...trying.values()].some(standInTheWay)
    },
    pass({ id, source }, now) {
      if (closedUntil !== null) trying.set(id, { source, bytes: 0, since: now })
    },
    stored() {
      open()
      tries = 0
      inRow = 0
    },
    went(id, bytes, now) {
      const tried = trying.get(id)
      if (tried === undefined) return
      tried.bytes += bytes
      tried.since = now
      // It may still be that none of it becomes durable: then the next failure closes it, for longer than before.
      if (tried.bytes >= TAKEN_IN_BYTES) open()
    },
    failed(reason, kind, now) {
      problem = reason
      inRow += 1
      if (kind === 'store' || inRow >= FAILURES_IN_A_ROW || closedUntil !== null) close(now)
    },
    over(id) {
      trying.delete(id)
    },
    connected(now) {
      if (closedUntil !== null) closedUntil = Math.min(closedUntil, now)
    },
    nothingWaits(now) {
      // Not sooner: files that come and are removed would have it told again and again.
      if (problem === null || (closedUntil !== null && now < closedUntil)) return false
      open()
      return true
    },
    get problem() {
      return problem
    },
    get nextTryAt() {
      return closedUntil
    },
  }
}
