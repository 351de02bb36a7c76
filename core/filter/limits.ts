import type { FileStat } from '../platform/stat-facts.ts'
import type { SourceFilters } from '../settings/schema.ts'

// A source's filters by size and time; filters by name are in core/filter/names.ts. Pure.

/** Why a file's size excludes it. */
export type SizeLeftOut = 'too-small' | 'too-large'

export type SizeLimits = Pick<SourceFilters, 'minimumBytes' | 'maximumBytes'>

/** @param size bytes. */
export function leftOutBySize({ minimumBytes, maximumBytes }: SizeLimits, size: number): SizeLeftOut | null {
  if (minimumBytes !== null && size < minimumBytes) return 'too-small'
  return maximumBytes !== null && size > maximumBytes ? 'too-large' : null
}

/** True if the filters have their defaults: every finished file is sent. */
export function leavesNothingOut(filters: SourceFilters): boolean {
  const { ignore, hidden, minimumBytes, maximumBytes, minimumAgeSeconds } = filters
  const hasLimits = minimumBytes !== null || maximumBytes !== null || minimumAgeSeconds > 0
  return ignore.length === 0 && hidden === 'send' && !hasLimits
}

/** A time further in the future than this, in milliseconds, is not the time of a change. */
const CLOCKS_APART_MS = 3_600_000

/**
 * Returns when a file is old enough to be sent, in milliseconds since 1970. A modification time far in the future does
 * not show a file's age (a camera's clock, a copied time); then the change time of its inode counts, which no program
 * can set. If that is far in the future, too, the clock was set back: the age is unknown, and the file may be sent.
 */
export function oldEnoughAt(
  minimumAgeSeconds: number,
  { mtimeNs, ctimeNs }: Pick<FileStat, 'mtimeNs' | 'ctimeNs'>,
  now: number,
): number {
  if (minimumAgeSeconds === 0) return now
  const times = [mtimeNs, ctimeNs].map((time) => Number(time / 1_000_000n))
  const changedAt = times.find((time) => time <= now + CLOCKS_APART_MS)
  return changedAt === undefined ? now : changedAt + minimumAgeSeconds * 1000
}
