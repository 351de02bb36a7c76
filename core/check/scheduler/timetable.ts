/**
 * The fixed timetable of one path: tick k is due at start + k·interval on the monotonic clock, whatever the
 * last check took. Times are in milliseconds.
 */
export interface Timetable {
  startMs: number
  intervalMs: number
}

export function dueAt({ startMs, intervalMs }: Timetable, tick: number): number {
  return startMs + tick * intervalMs
}

/** The tick to wait for once `tick` has fired at `nowMs`: those that were slept through are skipped. */
export function tickAfter({ startMs, intervalMs }: Timetable, tick: number, nowMs: number): number {
  return Math.max(tick + 1, Math.ceil((nowMs - startMs) / intervalMs))
}

/** No check is waited for longer than this, in milliseconds, unless it is asked for: a disk needs some time to spin up. */
const MOST_PATIENCE_MS = 5_000
/** Below this interval, in milliseconds, the checks themselves come often enough. */
const SPOT_CHECKS_FROM_MS = 2_000
/** What detecting, reporting and a late timer may take together, in milliseconds. */
const RESERVE_MS = 100

/** How long a spot check may be out, in milliseconds, before all paths of its file system are checked at once. */
export const SUSPICION_MS = 400

/**
 * Makes a hang known within one interval and a second of its beginning, and waits as long as that allows, since
 * a busy disk is not a hung one. With nothing but the timetable, a hang that begins just after a tick is met by
 * the next one, and the patience would be the second. So each file system is checked in the middle as well.
 *
 * @returns in milliseconds: `timeoutMs`, after which a check that is out hangs; `spotCheckEveryMs`, how often one path of
 * each file system is checked between two ticks; null: not needed.
 */
export function patienceOf(intervalMs: number) {
  if (intervalMs < SPOT_CHECKS_FROM_MS) {
    return { timeoutMs: Math.min(intervalMs, 1_000 - RESERVE_MS), spotCheckEveryMs: null }
  }
  const spotCheckEveryMs = intervalMs / 2
  // A spot check, the suspicion, the others' patience: together at most the interval and a second.
  const timeoutMs = intervalMs + 1_000 - spotCheckEveryMs - SUSPICION_MS - RESERVE_MS
  return { timeoutMs: Math.min(MOST_PATIENCE_MS, timeoutMs), spotCheckEveryMs }
}

/** Calls `run` once performance.now() shows `atMs`; returns the function that forgets it. */
export function callAt(atMs: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.max(0, Math.ceil(atMs - performance.now())))
  return () => clearTimeout(timer)
}
