import { dropError } from '../../dropped-errors.ts'

// The periods of expected files, by the wall clock of a time zone. Pure.

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

export interface Timetable {
  /** Divides a day. */
  everyMinutes: number
  /** An IANA name; null: the time zone of this computer. */
  zone: string | null
}

/** Milliseconds since 1970. */
export interface Period {
  start: number
  /** Exclusive. */
  end: number
  /** The wall time of its beginning, in milliseconds as if it were UTC. */
  wall: number
}

/** True if a time zone of this name is known. */
export function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch (error) {
    // RangeError: the name is unknown (ECMA-402, 11.1.2).
    return dropError(error, 'the name of a time zone is unknown', false)
  }
}

/**
 * Returns the instants at which periods with this wall time begin. None, if the clock is put forward over it. If the
 * clock is put back, a wall time occurs twice: both begin a period if the time between them is long enough for one.
 */
export function findStarts(wall: number, { everyMinutes, zone }: Timetable): number[] {
  const offsetAt = openZone(zone)
  const offsets = new Set([offsetAt(wall - DAY_MS), offsetAt(wall + DAY_MS)])
  const [first, second] = [...offsets]
    .map((offset) => wall - offset)
    .filter((instant) => instant + offsetAt(instant) === wall)
    .sort((a, b) => a - b)
  if (first === undefined) return []
  const isRepeated = second !== undefined && second - first >= everyMinutes * MINUTE_MS
  return isRepeated ? [first, second] : [first]
}

/** Returns the wall time at which the period begins that contains this one. */
export function toPeriodWall(wall: number, { everyMinutes }: Timetable): number {
  return wall - (wall % (everyMinutes * MINUTE_MS))
}

/** Yields the periods in their order, from the one that contains `from`. */
export function* periodsFrom(from: number, timetable: Timetable): Generator<Period, never> {
  const step = timetable.everyMinutes * MINUTE_MS
  const wallFrom = from + openZone(timetable.zone)(from)
  let last: Omit<Period, 'end'> | null = null
  // Begins a day earlier: on a day of a clock change, the wall time may be ahead of the period's beginning.
  for (let wall = toPeriodWall(wallFrom, timetable) - Math.max(step, DAY_MS); ; wall += step) {
    for (const start of findStarts(wall, timetable)) {
      if (last !== null && start > from) yield { ...last, end: start }
      last = { start, wall }
    }
  }
}

const zones = new Map<string, (instant: number) => number>()

/** Returns the function from an instant to the zone's offset from UTC, in milliseconds. */
function openZone(zone: string | null): (instant: number) => number {
  if (zone === 'UTC') return () => 0
  if (zone === null) return (instant) => -new Date(instant).getTimezoneOffset() * MINUTE_MS
  const known = zones.get(zone)
  if (known !== undefined) return known
  const format = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    hourCycle: 'h23',
    ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' },
  })
  const offsetAt = (instant: number) => {
    const parts = Object.fromEntries(
      format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]),
    )
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = parts
    const wall = Date.UTC(year, month - 1, day, hour, minute)
    return wall - Math.floor(instant / MINUTE_MS) * MINUTE_MS
  }
  zones.set(zone, offsetAt)
  return offsetAt
}
