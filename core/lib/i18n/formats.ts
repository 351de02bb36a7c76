/** Formats of numbers in sentences: `{{size, bytes}}`, `{{age, duration}}`, `{{since, time}}`, `{{files, count}}`. */
export const formats: Record<string, (value: number, language: string) => string> = {
  bytes: formatBytes,
  duration: formatDuration,
  time: formatTime,
  count: (value, language) => new Intl.NumberFormat(language).format(value),
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** Formats bytes in binary units, like file managers: 0 B, 3.4 MiB, 128 GiB. */
export function formatBytes(bytes: number, language: string): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  const digits = unit > 0 && value < 10 ? 1 : 0
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value)
  return `${number} ${BYTE_UNITS[unit]}`
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/**
 * Formats milliseconds with at most two units, coarser for longer times: 0.4 s, 3 s, 2 min 5 s, 3 h 12 min, 2 days 4 h.
 */
export function formatDuration(ms: number, language: string): string {
  const unit = (value: number, name: 'second' | 'minute' | 'hour' | 'day') =>
    new Intl.NumberFormat(language, { style: 'unit', unit: name, unitDisplay: 'short' }).format(value)
  const pair = (whole: string, rest: number, name: 'second' | 'minute' | 'hour') =>
    rest === 0 ? whole : `${whole} ${unit(rest, name)}`
  const span = Math.max(0, ms)
  if (span < SECOND) return unit(Math.round(span / 100) / 10, 'second')
  if (span < MINUTE) return unit(Math.floor(span / SECOND), 'second')
  if (span < HOUR) {
    return pair(unit(Math.floor(span / MINUTE), 'minute'), Math.floor((span % MINUTE) / SECOND), 'second')
  }
  if (span < DAY)
    return pair(unit(Math.floor(span / HOUR), 'hour'), Math.floor((span % HOUR) / MINUTE), 'minute')
  return pair(unit(Math.floor(span / DAY), 'day'), Math.floor((span % DAY) / HOUR), 'hour')
}

/**
 * Formats a time (milliseconds since 1970) as the time of day in this computer's zone; with the date if it is not
 * today, and with the year if it is not this year.
 */
export function formatTime(at: number, language: string, now: number = Date.now()): string {
  const moment = new Date(at)
  const today = new Date(now)
  const isToday = moment.toDateString() === today.toDateString()
  const isThisYear = moment.getFullYear() === today.getFullYear()
  return new Intl.DateTimeFormat(language, {
    ...(isThisYear ? {} : { year: 'numeric' }),
    ...(isToday ? {} : { month: 'short', day: 'numeric' }),
    hour: '2-digit',
    minute: '2-digit',
    hour12: false,
  }).format(moment)
}
