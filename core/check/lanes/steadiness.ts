import { STALL_MS } from './crew.ts'

/** A read in a thread of its own that took longer than this, in milliseconds, does not show a path as steady. */
const ANSWERS_WITHIN_MS = 500
const MOST_PENALTY = 64

/** Whether a path has answered so well that its next read need not have a thread of its own. */
export interface Steadiness {
  /** Good reads in a thread of its own that it has to show first. */
  owed: number
  /** What a further stall will cost it: doubled each time, so that a slow path stalls the lanes rarely. */
  penalty: number
}

/** A path that nothing is known of: it may be a FIFO. */
export const unknownSteadiness: Steadiness = { owed: 1, penalty: 1 }

export function isSteady({ owed }: Steadiness): boolean {
  return owed === 0
}

/** After a read that came back; many reads that are out at once hold each other up, but not for long. */
export function afterRead(before: Steadiness, wasQuick: boolean, delayMs: number): Steadiness {
  if (!wasQuick) {
    return delayMs < ANSWERS_WITHIN_MS ? { ...before, owed: Math.max(0, before.owed - 1) } : before
  }
  if (delayMs < STALL_MS) return before.penalty === 1 ? before : { ...before, penalty: before.penalty - 1 }
  return { owed: before.penalty, penalty: Math.min(MOST_PENALTY, before.penalty * 2) }
}
