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

export function hasSizeLimits({ minimumBytes, maximumBytes }: SizeLimits): boolean {
  return minimumBytes !== null || maximumBytes !== null
}

/** The filters are as they are by default: every finished file is sent. */
export function leavesNothingOut(filters: SourceFilters): boolean {
  const { ignore, hidden, minimumAgeSeconds } = filters
  return ignore.length === 0 && hidden === 'send' && minimumAgeSeconds === 0 && !hasSizeLimits(filters)
}

/**
 * When a file is old enough to be sent, in milliseconds since 1970. A time of change that lies in the future
 * says nothing about a file's age (a camera's clock, a copied time): its age is counted from now.
 */
export function oldEnoughAt(minimumAgeSeconds: number, mtimeNs: bigint, now: number): number {
  return Math.min(Number(mtimeNs / 1_000_000n), now) + minimumAgeSeconds * 1000
}
