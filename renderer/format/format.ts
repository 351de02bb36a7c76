import { formatBytes, formatDuration, formatTime, type Language } from '../words/dictionaries.ts'

/** Formats numbers, sizes and times of one language; sizes and times as in the agent's sentences. */
export interface Format {
  /** 12402 → "12,402" */
  count(value: number): string
  /** With up to one decimal: 0.1 → "0.1" */
  number(value: number): string
  /** For fields of four characters: 12402 → "12K" */
  compact(value: number): string
  /** Bytes in binary units: 2254857830 → "2.1 GiB" */
  bytes(value: number): string
  /** Bytes a second: "18 MiB/s" */
  rate(bytesPerSecond: number): string
  /** 0…1 → "61%" */
  percent(fraction: number): string
  /** A probe's delay in milliseconds: "0.4 ms", "12 ms", "1.2 sec" */
  delay(milliseconds: number): string
  /** A duration in milliseconds, in its one or two largest units: "3 sec", "2 min 5 sec" */
  duration(milliseconds: number): string
  /** As `duration`, but without seconds beside minutes: "2 min" */
  roughDuration(milliseconds: number): string
  /** The time of day, with the date unless it is the day of `now`. Milliseconds since 1970. */
  moment(at: number, now: number): string
  /** As `moment`, with seconds, to distinguish events in quick succession. */
  exactMoment(at: number, now: number): string
  /** "nas-2 and usb" */
  list(names: readonly string[]): string
  /** The full date and time, for a tooltip. */
  fullMoment(at: number): string
}

const second = 1000
const minute = 60 * second

export function createFormat(language: Language): Format {
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 })
  const oneDigit = new Intl.NumberFormat(language, { maximumFractionDigits: 1 })
  const short = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 0 })
  const share = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 })
  const inUnit = (unit: 'millisecond' | 'second', maximumFractionDigits: number) =>
    new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits })
  const wholeMilliseconds = inUnit('millisecond', 0)
  const milliseconds = inUnit('millisecond', 1)
  const seconds = inUnit('second', 1)
  const full = new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'medium', hourCycle: 'h23' })

  const conjunction = new Intl.ListFormat(language, { type: 'conjunction' })
  const exact = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const
  const exactTime = new Intl.DateTimeFormat(language, exact)
  const exactDate = new Intl.DateTimeFormat(language, {
    ...exact,
    year: 'numeric',
    month: 'short',
    day: 'numeric',
  })

  const duration = (length: number) => {
    // The window's clock ticks once per second: tenths would only flicker.
    return formatDuration(Math.floor(Math.max(0, length) / second) * second, language)
  }

  return {
    count: (value) => whole.format(value),
    number: (value) => oneDigit.format(value),
    compact: (value) => short.format(value),
    bytes: (value) => formatBytes(Math.max(0, value), language),
    rate: (bytesPerSecond) => `${formatBytes(Math.max(0, bytesPerSecond), language)}/s`,
    percent: (fraction) => share.format(Math.min(1, Math.max(0, fraction))),
    delay: (length) => {
      if (length >= second) return seconds.format(length / second)
      return (length < 9.95 ? milliseconds : wholeMilliseconds).format(length)
    },
    duration,
    roughDuration: (length) => duration(length < minute ? length : Math.floor(length / minute) * minute),
    moment: (at, now) => formatTime(at, language, now),
    exactMoment: (at, now) => (isSameDay(at, now) ? exactTime : exactDate).format(at),
    list: (names) => conjunction.format(names),
    fullMoment: (at) => full.format(at),
  }
}

function isSameDay(one: number, other: number): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString()
}
