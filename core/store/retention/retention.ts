/** Retention of older versions of a file, with the names of restic (restic forget --keep-…). */
export interface Keep {
  /** Days for which all versions are kept after they were replaced, by the store's clock. */
  withinDays: number
  /** The last version of a day is kept, for this many of the latest days that have versions; the others likewise. */
  daily: number
  weekly: number
  monthly: number
  yearly: number
}

const DAY_MS = 86_400_000

/** Returns the retention that keeps all versions at least for the days of a lock. */
export const withLock = (keep: Keep, lockDays: number): Keep => ({
  ...keep,
  withinDays: Math.max(keep.withinDays, lockDays),
})

/**
 * Keeps all versions for 30 days, then the last version of each day, week, month and year. A file can be restored even
 * if its damage is noticed late, and a file that is rewritten every minute does not fill the disk.
 */
export const DEFAULT_KEEP: Keep = { withinDays: 30, daily: 60, weekly: 52, monthly: 60, yearly: 100 }

/** An older version of a file. */
export interface Version {
  version: string
  /** When it was replaced, in milliseconds since 1970, by the computer's clock. */
  replacedAt: number
  /** The same by the store's clock, which runs only while a receiver does, and is never set. */
  replacedClockMs: number
  /** true: never pruned, because the file was removed at the source after it was stored here. */
  isPinned: boolean
}

type Period = Exclude<keyof Keep, 'withinDays'>

/** Returns the name of the period of a time, in UTC. */
const formatPeriod: Record<Period, (at: Date) => string> = {
  daily: (at) => at.toISOString().slice(0, 10),
  // Since 1970-01-05, a Monday.
  weekly: (at) => String(Math.floor((at.getTime() / DAY_MS - 4) / 7)),
  monthly: (at) => at.toISOString().slice(0, 7),
  yearly: (at) => String(at.getUTCFullYear()),
}

/**
 * Returns the older versions of a path to remove. Their age is measured by the store's clock only, so that a wrong
 * computer clock never removes a version early. Versions past `withinDays` are thinned by dates of the computer's
 * clock.
 *
 * @param versions oldest first.
 * @param hasCurrent true if the current version exists. If not, the newest older version stays.
 */
export function versionsToPrune<V extends Version>(
  versions: readonly V[],
  keep: Keep,
  hasCurrent: boolean,
  clockMs: number,
): V[] {
  const newestFirst = [...versions].reverse()
  const kept = new Set<V>()
  for (const period of ['daily', 'weekly', 'monthly', 'yearly'] as const) {
    const seen = new Set<string>()
    for (const version of newestFirst) {
      const name = formatPeriod[period](new Date(version.replacedAt))
      if (seen.has(name)) continue
      if (seen.size >= keep[period]) break
      seen.add(name)
      kept.add(version)
    }
  }
  return newestFirst.filter((version, index) => {
    if (index === 0 && !hasCurrent) return false
    const isOld = clockMs - version.replacedClockMs >= keep.withinDays * DAY_MS
    return !version.isPinned && isOld && !kept.has(version)
  })
}

/**
 * A version's name, such as "20261120T065300.123Z-41-0". It has the time at which the file was replaced, the store's
 * position of that round, and a number within the round. It is valid on every file system.
 */
const VERSION_NAME = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2}\.\d{3}Z)-\d{1,15}-\d{1,6}$/

/** Returns the prefix of the names of all versions that one round creates. */
export function versionPrefix(now: Date, position: number): string {
  return `${now.toISOString().replace(/[-:]/g, '')}-${position}-`
}

export function isVersionName(name: string): boolean {
  return VERSION_NAME.test(name)
}

/** Restores a version's name from a directory listing, because some file systems list all names in lower case. */
export const versionNameAsGiven = (listed: string): string => listed.toUpperCase()

/** Returns when the file was replaced, in milliseconds since 1970; null: not a version's name. */
export function replacedAt(name: string): number | null {
  const parts = VERSION_NAME.exec(name)
  if (parts === null) return null
  const [, year, month, day, hour, minute, second] = parts
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}`)
  return Number.isNaN(at) ? null : at
}
