import { dropError } from '../../dropped-errors.ts'

// The periods of expected files, by the wall clock of a time zone. Pure.

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** Days whose periods are kept in memory. */
const KEPT_DAYS = 1_000

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
type Begin = Omit<Period, 'end'>

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
 * The periods of a timetable. They begin at midnight and after each `everyMinutes` of the wall clock. If the clock is
 * put forward over such a time, the period begins at the change, unless another one begins there. If it is put back, a
 * wall time occurs twice: both begin a period if the time between them is long enough for one.
 */
export function openPeriods({ everyMinutes, zone }: Timetable) {
  const everyMs = everyMinutes * MINUTE_MS
  const offsetAt = createZone(zone)
  const days = new Map<number, Begin[]>()

  /** Returns the beginnings on a day of the wall clock, in their order. @param day days since 1970 */
  const beginsOn = (day: number): Begin[] => {
    const known = days.get(day)
    if (known !== undefined) return known
    const midnight = day * DAY_MS
    const before = offsetAt(midnight - DAY_MS)
    const isUsual = before === offsetAt(midnight + 2 * DAY_MS)
    const begins = Array.from({ length: DAY_MS / everyMs }, (_, index) => midnight + index * everyMs).flatMap(
      (wall) => (isUsual ? [{ wall, start: wall - before }] : findBegins(wall)),
    )
    begins.sort((a, b) => a.start - b.start || a.wall - b.wall)
    // Several may begin at a change of the clock. The last one has the wall time of that instant.
    const distinct = begins.filter(({ start }, index) => begins[index + 1]?.start !== start)
    if (days.size >= KEPT_DAYS) days.clear()
    days.set(day, distinct)
    return distinct
  }
  const findBegins = (wall: number): Begin[] => {
    const offsets = [...new Set([offsetAt(wall - DAY_MS), offsetAt(wall + DAY_MS)])]
    const instants = offsets.map((offset) => wall - offset).sort((a, b) => a - b)
    const [first, second] = instants.filter((instant) => instant + offsetAt(instant) === wall)
    if (first === undefined) return [{ wall, start: findChange(instants) }]
    const isRepeated = second !== undefined && second - first >= everyMs
    return isRepeated ? [first, second].map((start) => ({ wall, start })) : [{ wall, start: first }]
  }
  /** Returns the first instant after a change of the offset between two instants. */
  const findChange = ([from = 0, to = from]: number[]): number => {
    let [early, late] = [from, to]
    while (late - early > MINUTE_MS) {
      const middle = early + Math.floor((late - early) / 2 / MINUTE_MS) * MINUTE_MS
      if (offsetAt(middle) === offsetAt(from)) early = middle
      else late = middle
    }
    return late
  }
  const toDay = (instant: number): number => Math.floor((instant + offsetAt(instant)) / DAY_MS)

  return {
    /** Yields the periods in their order, from the one that contains `from`. */
    *from(from: number): Generator<Period, never> {
      let last: Begin | null = null
      for (let day = toDay(from) - 1; ; day += 1) {
        for (const begin of beginsOn(day)) {
          if (last !== null && begin.start > from) yield { ...last, end: begin.start }
          last = begin
        }
      }
    },
    /** Returns the periods that contain this wall time; usually one. */
    named(wall: number): Period[] {
      const periodWall = wall - (wall % everyMs)
      const day = Math.floor(wall / DAY_MS)
      const begins = [...beginsOn(day), ...beginsOn(day + 1)]
      return begins.flatMap((begin, index) => {
        const end = begins[index + 1]?.start
        return begin.wall === periodWall && end !== undefined ? [{ ...begin, end }] : []
      })
    },
  }
}

/** Returns the first of these periods that is wanted. */
export function findPeriod(some: Iterable<Period, never>, isWanted: (one: Period) => boolean): Period {
  for (const one of some) if (isWanted(one)) return one
  throw new RangeError('time is over')
}

/** Returns the function from an instant to the zone's offset from UTC, in milliseconds. */
function createZone(zone: string | null): (instant: number) => number {
  if (zone === 'UTC') return () => 0
  if (zone === null) return (instant) => -new Date(instant).getTimezoneOffset() * MINUTE_MS
  const format = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    hourCycle: 'h23',
    ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' },
  })
  return (instant) => {
    const parts = Object.fromEntries(
      format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]),
    )
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = parts
    return Date.UTC(year, month - 1, day, hour, minute) - Math.floor(instant / MINUTE_MS) * MINUTE_MS
  }
}
