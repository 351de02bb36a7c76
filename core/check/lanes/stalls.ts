/** So many reads of one file system that stall at once mean the file system; one may be a disk that is busy. */
const STALLS_PER_GROUP = 2
/** A file system that is blocked for longer than this, in milliseconds, may hang: its paths are withdrawn. */
const PARKED_MS = 250

/** open: lanes may read there. blocked: it may only be busy, and waits a little. given up: lanes leave it alone. */
export type GroupState = 'open' | 'blocked' | 'given up'

/** Which file systems' reads stall. `now` is the monotonic clock in milliseconds. */
export interface Stalls {
  begin(group: string): void
  end(group: string): void
  /** Whether any read of it stalls now. */
  has(group: string): boolean
  /** What may be done with its paths. Those of sound file systems are not kept waiting where no lane is free. */
  stateOf(group: string, hasLane: boolean): GroupState
}

export function createStalls(now: () => number): Stalls {
  const stalls = new Map<string, { count: number; sinceMs: number }>()
  return {
    begin: (group) => {
      const { count } = stalls.get(group) ?? { count: 0 }
      stalls.set(group, { count: count + 1, sinceMs: now() })
    },
    end: (group) => {
      const stall = stalls.get(group)
      if (stall !== undefined) stall.count -= 1
      if (stall?.count === 0) stalls.delete(group)
    },
    has: (group) => stalls.has(group),
    stateOf: (group, hasLane) => {
      const stall = stalls.get(group)
      if (hasLane && (stall === undefined || stall.count < STALLS_PER_GROUP)) return 'open'
      return stall !== undefined && now() - stall.sinceMs < PARKED_MS ? 'blocked' : 'given up'
    },
  }
}
