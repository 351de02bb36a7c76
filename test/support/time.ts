import { afterAll, vi } from 'vitest'

/**
 * Stops the clock for a test file, and returns its time in milliseconds since 1970. For texts with times: these have
 * dates shortly after midnight, and years in the first minutes of a year.
 * @param at a fixed time, in the zone of the computer if the texts have local times
 */
export function stopClock(at: Date): number {
  vi.setSystemTime(at)
  afterAll(() => void vi.useRealTimers())
  return at.getTime()
}
