import { Bucket } from './bucket.ts'
import { type Allowance, allowanceAt, nextChange, type SpeedSchedule, sameAllowance } from './schedule.ts'

/** The clock on the wall is looked at this often: it may be set, and it goes on while the computer sleeps. */
const LOOK_EVERY_MS = 1_000

/**
 * What sending may use now, kept up to date by the clock on the wall.
 * @param onChange the allowance, or its end, is another one.
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
    // Nothing new is sent then; what is on the line already goes no faster for it.
    if (allowance.kind === 'pause') return
    bucket.setRate(ownPart())
  }
  const apply = (isNew: boolean) => {
    const now = clock()
    const next = allowanceAt(timetable, now)
    const isSame = sameAllowance(next, allowance)
    // Otherwise it is worked out anew when its time has come, or when the clock was put back behind a change.
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
    /** This destination's part of a limit in force; null: there is none. */
    get bytesPerSecond() {
      return ownPart()
    },
    /** When the allowance changes, in milliseconds since 1970; null: not within the next week. */
    get until() {
      return until
    },
    /** @param among how many destinations share what the timetable allows: this one takes its even part. */
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
