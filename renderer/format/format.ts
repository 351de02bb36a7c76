import type { Language } from '../words/dictionaries.ts'

/** How one language writes numbers, sizes and times. Every function is pure: the same input, the same text. */
export interface Format {
  /** 12402 → "12,402" */
  count(value: number): string
  /** With up to one decimal: 0.1 → "0.1" */
  number(value: number): string
  /** For places of four characters: 12402 → "12K" */
  compact(value: number): string
  /** Bytes in binary units: 2254857830 → "2.1 GiB" */
  bytes(value: number): string
  /** Bytes a second: "18 MiB/s" */
  rate(bytesPerSecond: number): string
  /** 0…1 → "61%" */
  percent(fraction: number): string
  /** A probe's delay in milliseconds: "0.4 ms", "12 ms", "1.2 sec" */
  delay(milliseconds: number): string
  /** A length of time in milliseconds, in its one or two largest units: "3 sec", "1 hr 5 min" */
  duration(milliseconds: number): string
  /** The time of a day, with the date where it is another day than `now`. Milliseconds since 1970. */
  moment(at: number, now: number): string
  /** The whole date and time, for a hover. */
  fullMoment(at: number): string
}

const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

export function createFormat(language: Language, timeZone?: string): Format {
  const zone = timeZone === undefined ? {} : { timeZone }
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 })
  const short = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 0 })
  const oneDigit = new Intl.NumberFormat(language, { maximumFractionDigits: 1 })
  const fraction = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 })
  const units = new Map(
    (['millisecond', 'second', 'minute', 'hour', 'day'] as const).map((unit) => [
      unit,
      {
        whole: new Intl.NumberFormat(language, {
          style: 'unit',
          unit,
          unitDisplay: 'short',
          maximumFractionDigits: 0,
        }),
        oneDigit: new Intl.NumberFormat(language, {
          style: 'unit',
          unit,
          unitDisplay: 'short',
          maximumFractionDigits: 1,
        }),
      },
    ]),
  )
  const time = new Intl.DateTimeFormat(language, {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    ...zone,
  })
  const date = new Intl.DateTimeFormat(language, { dateStyle: 'short', ...zone })
  const shortDate = new Intl.DateTimeFormat(language, {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    ...zone,
  })
  const full = new Intl.DateTimeFormat(language, {
    dateStyle: 'full',
    timeStyle: 'medium',
    hourCycle: 'h23',
    ...zone,
  })

  type Unit = 'millisecond' | 'second' | 'minute' | 'hour' | 'day'
  const inUnit = (unit: Unit, value: number, digits: 'whole' | 'oneDigit' = 'whole') =>
    units.get(unit)?.[digits].format(value) ?? String(value)

  const bytes = (value: number) => {
    let rest = Math.max(0, value)
    let unit = 0
    // 1023.95 and more would be written "1,024": the next unit says it shorter.
    while (rest >= 1023.95 && unit < binaryUnits.length - 1) {
      rest /= 1024
      unit += 1
    }
    const digits = unit === 0 || rest >= 99.95 ? whole : oneDigit
    return `${digits.format(rest)} ${binaryUnits[unit]}`
  }

  const duration = (milliseconds: number) => {
    const length = Math.max(0, milliseconds)
    if (length < minute) return inUnit('second', Math.floor(length / second))
    if (length < hour) return inUnit('minute', Math.floor(length / minute))
    const [large, small, unitOfLarge, unitOfSmall] =
      length < day ? ([hour, minute, 'hour', 'minute'] as const) : ([day, hour, 'day', 'hour'] as const)
    const most = inUnit(unitOfLarge, Math.floor(length / large))
    const rest = Math.floor((length % large) / small)
    return rest === 0 ? most : `${most} ${inUnit(unitOfSmall, rest)}`
  }

  return {
    count: (value) => whole.format(value),
    number: (value) => oneDigit.format(value),
    compact: (value) => short.format(value),
    bytes,
    rate: (bytesPerSecond) => `${bytes(bytesPerSecond)}/s`,
    percent: (value) => fraction.format(Math.min(1, Math.max(0, value))),
    delay: (milliseconds) => {
      if (milliseconds >= second) return inUnit('second', milliseconds / second, 'oneDigit')
      return inUnit('millisecond', milliseconds, milliseconds < 9.95 ? 'oneDigit' : 'whole')
    },
    duration,
    moment: (at, now) => (date.format(at) === date.format(now) ? time.format(at) : shortDate.format(at)),
    fullMoment: (at) => full.format(at),
  }
}

/** Milliseconds that the remaining bytes take at this rate; null where nothing can be said. */
export function timeToGo(bytes: number, bytesPerSecond: number): number | null {
  return bytes > 0 && bytesPerSecond > 0 ? (bytes / bytesPerSecond) * second : null
}

/** Whole minutes from `now` until six in the morning of the next day: "until tomorrow" of the pause menu. */
export function minutesUntilTomorrow(now: Date): number {
  const tomorrow = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 6)
  return Math.max(1, Math.round((tomorrow.getTime() - now.getTime()) / minute))
}
