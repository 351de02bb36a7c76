import { Bucket } from '../../backends/bucket.ts'
import { type Allowance, allowanceAt, nextChange, type SpeedSchedule, sameAllowance } from './schedule.ts'

/** Interval between two checks of the wall clock, which may be set and advances while the computer sleeps. */
const LOOK_EVERY_MS = 1_000

/**
 * Applies the rate limit and its schedule by the wall clock.
 * @param onChange called when the allowance or its end has changed.
 */
export function openLimiter(onChange: () => void, clock: () => number = Date.now) {
  const bucket = new Bucket()
  let timetable: SpeedSchedule = { bytesPerSecond: null, schedule: [] }
  let allowance: Allowance = { kind: 'free' }
  let until: number | null = null
  let shares = 1

  const ownPart = () =>
    allowance.kind === 'limit' ? Math.max(1, Math.floor(allowance.bytesPerSecond / shares)) : null
  const setRate = () => {
    // During a pause no file starts, and data already on the line keeps the previous rate.
    if (allowance.kind === 'pause') return
    bucket.setRate(ownPart())
  }
  const apply = (isNew: boolean) => {
    const now = clock()
    const next = allowanceAt(timetable, now)
    const isSame = sameAllowance(next, allowance)
    // Recomputed only when the allowance ends, or when the clock was set back past a change.
    if (isSame && !isNew && (until === null || now < until)) return
    allowance = next
    until = nextChange(timetable, now)
    setRate()
    onChange()
  }
  let timer: NodeJS.Timeout | undefined

  return {
    bucket,
    get allowance() {
      return allowance
    },
    /** This destination's share of the current limit; null: no limit. */
    get bytesPerSecond() {
      return ownPart()
    },
    /** Time of the next change, in milliseconds since 1970; null: not within the next week. */
    get until() {
      return until
    },
    /** @param among how many destinations share the schedule's limit: each gets an equal share. */
    configure(next: SpeedSchedule, among = 1): void {
      if (among !== shares) {
        shares = among
        setRate()
      }
      const isNew = JSON.stringify(next) !== JSON.stringify(timetable)
      timetable = next
      if (!isNew) return
      apply(true)
      clearInterval(timer)
      if (next.schedule.length > 0) timer = setInterval(() => apply(false), LOOK_EVERY_MS)
    },
    stop: () => clearInterval(timer),
  }
}
