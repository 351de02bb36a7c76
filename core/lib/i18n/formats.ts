// Text of sizes, times, addresses and shell words. The window loads this module, so it imports nothing.

/** Formats of numbers in sentences: `{{size, bytes}}`, `{{age, duration}}`, `{{since, time}}`, `{{files, count}}`, `{{share, percent}}`. */
export const formats: Record<string, (value: number, language: string) => string> = {
  bytes: formatBytes,
  duration: formatDuration,
  time: formatTime,
  percent: formatPercent,
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

/** Formats a share so that 100 % means all: 99.996 % is not rounded up. */
export function formatPercent(percent: number, language: string): string {
  const shown = percent > 0 && percent < 100 ? Math.min(99.99, Math.max(0.01, percent)) : percent
  return new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 2 }).format(shown / 100)
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
    hourCycle: 'h23',
  }).format(moment)
}

/** Returns the local date as 2026-11-22: readable and sortable in file names. */
export function formatDay(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

export const SIZE_UNITS = ['', 'K', 'M', 'G', 'T', 'P']

/** Parses "500G" to bytes; binary units. null: not a size. */
export function parseSize(text: string): number | null {
  const parts = /^(\d+(?:\.\d+)?)\s*([KMGTP]?)(?:i?B)?$/i.exec(text.trim())
  if (parts === null) return null
  const bytes = Number(parts[1]) * 1024 ** SIZE_UNITS.indexOf((parts[2] ?? '').toUpperCase())
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : null
}

/** Parses "1M" or "1M/s" to bytes a second. null: not a rate. */
export const parseRate = (text: string): number | null => parseSize(text.replace(/\/s$/i, ''))

const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const

/** Parses "90s", "30m", "12h" or "7d" to seconds; a plain number is in seconds. null: not a time. */
export function parseSeconds(text: string): number | null {
  const parts = /^(\d+(?:\.\d+)?)\s*([smhd]?)$/i.exec(text.trim())
  if (parts === null) return null
  const unit = (parts[2] || 's').toLowerCase() as keyof typeof SECONDS
  const seconds = Number(parts[1]) * SECONDS[unit]
  return Number.isFinite(seconds) ? seconds : null
}

/** Returns "host:port", with brackets around an IPv6 address. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

const HIDDEN = /[\p{Cc}\p{Bidi_Control}]/u
const toOctal = (text: string): string =>
  [...new TextEncoder().encode(text)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')

/**
 * Quotes a word for a shell command that the user copies (POSIX sh), if that is necessary. Characters that a terminal does
 * not show as they are become the octal numbers of their bytes.
 */
export function shellWord(word: string): string {
  if (HIDDEN.test(word)) {
    const escaped = word.replace(/['\\]/g, '\\$&').replace(new RegExp(HIDDEN, 'gu'), toOctal)
    return `$'${escaped}'`
  }
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
