/** Which older contents of a file are kept; as restic names it (restic forget --keep-…). */
export interface Keep {
  /** All of those that were replaced less than so many days ago, by the store's clock. */
  withinDays: number
  /** The last one of each of the latest so many days, weeks, months and years that have any. */
  daily: number
  weekly: number
  monthly: number
  yearly: number
}

const DAY_MS = 86_400_000

/**
 * All for 30 days, then one a day, a week and a month: whoever finds out late that a file was spoilt still has it, and a
 * file that is rewritten every minute does not fill the disk.
 */
export const DEFAULT_KEEP: Keep = { withinDays: 30, daily: 60, weekly: 52, monthly: 60, yearly: 100 }

/** An older content. */
export interface Version {
  version: string
  /** When it was replaced, in milliseconds since 1970, by the computer's clock. */
  replacedAt: number
  /** The same by the store's clock, which runs only while a receiver does, and is never set. */
  replacedClockMs: number
  /** It was removed at the source because it is here. */
  isPinned: boolean
}

type Period = Exclude<keyof Keep, 'withinDays'>

/** Names the period that a moment is in, by UTC. */
const periodOf: Record<Period, (at: Date) => string> = {
  daily: (at) => at.toISOString().slice(0, 10),
  // Since 1970-01-05, a Monday.
  weekly: (at) => String(Math.floor((at.getTime() / DAY_MS - 4) / 7)),
  monthly: (at) => at.toISOString().slice(0, 7),
  yearly: (at) => String(at.getUTCFullYear()),
}

/**
 * The older contents of one path that go. Only the store's own clock says how old one is: whatever becomes of the
 * computer's, nothing goes before its time. What is past it is thinned by the days of the computer's clock.
 *
 * @param versions oldest first.
 * @param hasCurrent whether a file is in its place: if not, the newest version is the newest content, and stays.
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
    for (const one of newestFirst) {
      const name = periodOf[period](new Date(one.replacedAt))
      if (seen.has(name)) continue
      if (seen.size >= keep[period]) break
      seen.add(name)
      kept.add(one)
    }
  }
  return newestFirst.filter((one, index) => {
    if (index === 0 && !hasCurrent) return false
    return !one.isPinned && clockMs - one.replacedClockMs >= keep.withinDays * DAY_MS && !kept.has(one)
  })
}
