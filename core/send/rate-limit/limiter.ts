import { Bucket } from '../../backends/token-bucket.ts'
import { type Allowance, allowanceAt, type SpeedSchedule, sameAllowance } from './schedule.ts'

/** Interval between two checks of the wall clock, which may be set and advances while the computer sleeps. */
const LOOK_EVERY_MS = 1_000

/**
 * Applies the rate limit and its schedule by the wall clock.
 * @param onChange called when the allowance has changed.
 */
export function openLimiter(onChange: () => void, clock: () => number = Date.now) {
  const bucket = new Bucket()
  let timetable: SpeedSchedule = { bytesPerSecond: null, schedule: [] }
  let allowance: Allowance = { kind: 'free' }
  let shares = 1

  const ownPart = () =>
    allowance.kind === 'limit' ? Math.max(1, Math.floor(allowance.bytesPerSecond / shares)) : null
  const setRate = () => {
    // During a pause no file starts, and data already on the line keeps the previous rate.
    if (allowance.kind === 'pause') return
    bucket.setRate(ownPart())
  }
  const apply = (isNew: boolean) => {
    const next = allowanceAt(timetable, clock())
    if (sameAllowance(next, allowance) && !isNew) return
    allowance = next
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
