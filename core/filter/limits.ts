import type { StatFacts } from '../platform/stat-facts.ts'
import type { SourceFilters } from '../settings/schema.ts'

// What a source's filters say about a file's size and time; names are core/filter/names.ts. Pure.

/** Why a file is left out for its size. */
export type SizeLeftOut = 'too-small' | 'too-large'

export type SizeLimits = Pick<SourceFilters, 'minimumBytes' | 'maximumBytes'>

/** @param size bytes. */
export function leftOutBySize({ minimumBytes, maximumBytes }: SizeLimits, size: number): SizeLeftOut | null {
  if (minimumBytes !== null && size < minimumBytes) return 'too-small'
  return maximumBytes !== null && size > maximumBytes ? 'too-large' : null
}

/** The filters are as they are by default: every finished file is sent. */
export function leavesNothingOut(filters: SourceFilters): boolean {
  const { ignore, hidden, minimumBytes, maximumBytes, minimumAgeSeconds } = filters
  const hasLimits = minimumBytes !== null || maximumBytes !== null || minimumAgeSeconds > 0
  return ignore.length === 0 && hidden === 'send' && !hasLimits
}

/** A time that is further ahead, in milliseconds, is nobody's clock. */
const CLOCKS_APART_MS = 3_600_000

/**
 * When a file is old enough to be sent, in milliseconds since 1970. A time of modification that lies far ahead says
 * nothing about a file's age (a camera's clock, a copied time): the last change of its inode does, which no program can
 * set. Where that lies there as well the clock was set back, nobody knows the file's age, and it may go.
 */
export function oldEnoughAt(
  minimumAgeSeconds: number,
  { mtimeNs, ctimeNs }: Pick<StatFacts, 'mtimeNs' | 'ctimeNs'>,
  now: number,
): number {
  if (minimumAgeSeconds === 0) return now
  const times = [mtimeNs, ctimeNs].map((time) => Number(time / 1_000_000n))
  const changedAt = times.find((time) => time <= now + CLOCKS_APART_MS)
  return changedAt === undefined ? now : changedAt + minimumAgeSeconds * 1000
}
