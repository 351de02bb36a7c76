import type { Settings } from '../../settings/schema.ts'

/** Says when a pause for a time is over. */
export interface PauseClock {
  /**
   * @param wall milliseconds since 1970: so a pause ends while the computer sleeps.
   * @param steady milliseconds of the steady clock: so a clock that is put back does not make a pause longer.
   */
  isOver(pause: Settings['pause'], wall: number, steady: number): boolean
}

export function createPauseClock(): PauseClock {
  /** The pause as it was first seen, and when it ends by the steady clock. */
  let seen: { until: number; ends: number } | null = null
  return {
    isOver(pause, wall, steady) {
      if (pause === null || pause.until === null) {
        seen = null
        return false
      }
      const { since, until } = pause
      // Never longer than it was asked for, also where the clock was put back while nothing ran.
      if (seen?.until !== until) seen = { until, ends: steady + Math.min(until - wall, until - since) }
      return wall >= until || steady >= seen.ends
    },
  }
}
