import type { Bucket } from './bucket.ts'

/** What waits for its turn is about this much of the rate, so that a change or an end is soon felt. */
const AHEAD_SECONDS = 0.25
const LEAST_AHEAD_BYTES = 16 * 1024
const MOST_AHEAD_BYTES = 1024 * 1024

/** How many bytes of contents should be made ready at a time under the bucket's limit. */
export function bytesAhead({ bytesPerSecond }: Pick<Bucket, 'bytesPerSecond'>): number {
  if (bytesPerSecond === null) return MOST_AHEAD_BYTES
  return Math.min(MOST_AHEAD_BYTES, Math.max(LEAST_AHEAD_BYTES, Math.round(bytesPerSecond * AHEAD_SECONDS)))
}
