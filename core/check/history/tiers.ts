const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** How long a row of a table lasts, how long each of its points lasts, and how long it is kept; in milliseconds. */
export interface Tier {
  table: 'raw' | 'minute' | 'hour'
  blockMs: number
  /** 0: each point is one check. */
  spanMs: number
  keepMs: number
}

/** Each check for a day, a summary of each minute for a week, a summary of each hour for 400 days. */
export const TIERS = {
  raw: { table: 'raw', blockMs: 10 * MINUTE, spanMs: 0, keepMs: DAY },
  minute: { table: 'minute', blockMs: 10 * MINUTE, spanMs: MINUTE, keepMs: 7 * DAY },
  hour: { table: 'hour', blockMs: DAY, spanMs: HOUR, keepMs: 400 * DAY },
} as const satisfies Record<string, Tier>

/**
 * The history's size that is not exceeded, in bytes; beyond it the oldest checks, then the oldest minutes, go before
 * their time. 1,000 paths every 10 seconds stay far below.
 */
export const MOST_BYTES = 4 * 2 ** 30

/** A block is closed this long after its end, so that what is on its way still finds it open. */
export const GRACE_MS = 20 * SECOND

/** Paths that a history can tell apart. */
const PATHS = 2 ** 24

export function keyOf(block: number, path: number): number {
  return block * PATHS + path
}

/** The first key of the block of `tier` that a time lies in. */
export function firstKey({ blockMs }: Tier, at: number): number {
  return keyOf(Math.floor(at / blockMs), 0)
}

/** The beginning of the block that a key belongs to. */
export function startOf({ blockMs }: Tier, key: number): number {
  return Math.floor(key / PATHS) * blockMs
}

export function blockStart({ blockMs }: Tier, at: number): number {
  return Math.floor(at / blockMs) * blockMs
}
