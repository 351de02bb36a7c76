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
