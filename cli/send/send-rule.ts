import { parseRate, SIZE_UNITS } from '../../core/lib/i18n/formats.ts'
import { type SendRule, sendRuleSchema } from '../../core/settings/schema.ts'

/** In the order of Date.getDay(). */
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/**
 * Parses "mon-fri 08:00-18:00 1M": the days on which the rule begins, or "daily"; local times of day; the allowance: a
 * rate a second, "free" or "pause". null if it is not such a rule.
 */
export function parseRule(text: string): SendRule | null {
  const [days = '', times = '', allow = '', ...more] = text.trim().toLowerCase().split(/\s+/)
  const [from, to, ...others] = times.split('-')
  if (more.length > 0 || others.length > 0) return null
  const rule = sendRuleSchema.safeParse({
    days: parseDays(days),
    from,
    to,
    allow: allow === 'free' || allow === 'pause' ? allow : parseRate(allow),
  })
  return rule.success ? rule.data : null
}

/** Formats a rule as `parseRule` reads it. */
export function ruleText({ days, from, to, allow }: SendRule): string {
  const on = days.length === DAYS.length ? 'daily' : days.map((day) => DAYS[day]).join(',')
  return `${on} ${from}-${to} ${typeof allow === 'number' ? rateText(allow) : allow}`
}

/** Formats a rate as `parseRate` reads it, exact to the byte: 10M/s. */
export function rateText(bytesPerSecond: number): string {
  let value = bytesPerSecond
  let unit = 0
  while (value % 1024 === 0 && unit < SIZE_UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${value}${SIZE_UNITS[unit]}/s`
}

/** Parses "mon-fri,sun"; null if invalid. */
function parseDays(text: string): number[] | null {
  if (text === 'daily') return DAYS.map((_, day) => day)
  const days = new Set<number>()
  for (const part of text.split(',')) {
    const [first = -1, last = first, ...more] = part.split('-').map((name) => DAYS.indexOf(name))
    if (more.length > 0 || first < 0 || last < 0) return null
    // Wraps at the end of the week: "sat-mon" is three days.
    for (let day = first; ; day = (day + 1) % DAYS.length) {
      days.add(day)
      if (day === last) break
    }
  }
  return [...days].sort()
}
