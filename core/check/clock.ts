/** The time as the checker sees it; a test puts its own in. */
export interface Clock {
  /** Milliseconds of a clock that never jumps. */
  now(): number
  /** Milliseconds since 1970. */
  wall(): number
  /** Calls `run` once the monotonic clock shows `atMs`; returns the function that forgets it. */
  at(atMs: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  at: (atMs, run) => {
    const timer = setTimeout(run, Math.max(0, Math.ceil(atMs - performance.now())))
    return () => clearTimeout(timer)
  },
}
