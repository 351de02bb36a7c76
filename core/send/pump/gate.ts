import { backoffMs } from '../../pacing/backoff.ts'
import type { Message } from '../../words/message.ts'

/** So many files in a row that the store could not take are the store's trouble, not theirs. */
const FAILURES_IN_A_ROW = 8
/** Twice the credit of a receiver: of a file of which so much has gone it has stored something, and the rest may take hours. */
const TAKEN_IN_BYTES = 32 * 1024 * 1024

/**
 * Holds files back while the receiver's store is in trouble, and lets single ones try whether it is over.
 * Times are in milliseconds of any steady clock.
 */
export interface Gate {
  /** Whether a file may go now. In trouble that is one at a time, and `pass` takes its turn. */
  isOpen(now: number): boolean
  pass(id: number): void
  stored(): void
  /** So many more bytes of a file have gone. */
  went(id: number, bytes: number): void
  /** `store`: the store itself is in trouble; `file`: perhaps only this file is. */
  failed(reason: Message, kind: 'store' | 'file', now: number): void
  /** The file is over, whatever became of it. */
  over(id: number): void
  /** What the person should know, or null. */
  readonly problem: Message | null
  /** When the next try may be made, or null while the gate is open. */
  readonly nextTryAt: number | null
}

export function createGate(retryMs: number, random: () => number = Math.random): Gate {
  let problem: Message | null = null
  let closedUntil: number | null = null
  let trying: number | null = null
  let triedBytes = 0
  let tries = 0
  let inRow = 0

  const close = (now: number) => {
    // Files that were under way when it began fail together: that is one failure, not many.
    if (closedUntil !== null && now < closedUntil) return
    tries += 1
    closedUntil = now + backoffMs(tries, retryMs, random())
  }

  const open = () => {
    problem = null
    closedUntil = null
    trying = null
  }

  return {
    isOpen: (now) => closedUntil === null || (now >= closedUntil && trying === null),
    pass(id) {
      if (closedUntil === null) return
      trying = id
      triedBytes = 0
    },
    stored() {
      open()
      tries = 0
      inRow = 0
    },
    went(id, bytes) {
      if (trying !== id) return
      triedBytes += bytes
      // It may still be that none of it becomes durable: then the next failure closes it, for longer than before.
      if (triedBytes >= TAKEN_IN_BYTES) open()
    },
    failed(reason, kind, now) {
      problem = reason
      inRow += 1
      if (kind === 'store' || inRow >= FAILURES_IN_A_ROW || closedUntil !== null) close(now)
    },
    over(id) {
      if (trying === id) trying = null
    },
    get problem() {
      return problem
    },
    get nextTryAt() {
      return closedUntil
    },
  }
}
