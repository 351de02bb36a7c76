/** No check is waited for longer than this, in milliseconds, unless it is asked for: a disk needs some time to spin up. */
const MOST_PATIENCE_MS = 5_000
/** Below this interval, in milliseconds, the checks themselves come often enough. */
const LOOKS_FROM_MS = 2_000
/** What detecting, reporting and a late timer may take together, in milliseconds. */
const RESERVE_MS = 100

/** How long a look may be out, in milliseconds, before all paths of its file system are checked at once. */
export const SUSPICION_MS = 400

export interface Patience {
  /** A check that is out longer than this, in milliseconds, hangs. */
  timeoutMs: number
  /** The same for a FIFO: it waits for another program, and there is no busy disk to be patient with. */
  fifoMs: number
  /** Between two ticks one path of each file system is looked at this often, in milliseconds; null: not needed. */
  lookEveryMs: number | null
}

/**
 * Makes a hang known within one interval and a second of its beginning, and waits as long as that allows, since
 * a busy disk is not a hung one. With nothing but the timetable, a hang that begins just after a tick is met by
 * the next one, and the patience would be the second. So each file system is looked at in the middle as well.
 */
export function patienceOf(intervalMs: number): Patience {
  if (intervalMs < LOOKS_FROM_MS) {
    const timeoutMs = Math.min(intervalMs, 1_000 - RESERVE_MS)
    return { timeoutMs, fifoMs: timeoutMs, lookEveryMs: null }
  }
  const lookEveryMs = intervalMs / 2
  // A look, the suspicion, the others' patience: together at most the interval and a second.
  const timeoutMs = intervalMs + 1_000 - lookEveryMs - SUSPICION_MS - RESERVE_MS
  return { timeoutMs: Math.min(MOST_PATIENCE_MS, timeoutMs), fifoMs: 1_000 - RESERVE_MS, lookEveryMs }
}
