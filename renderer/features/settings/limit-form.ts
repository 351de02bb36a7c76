import './without-eval.ts'

import { parseRate as parseTyped } from '../../../core/lib/i18n/formats.ts'
import { bytesPerSecondSchema, type SendRule, sendRuleSchema } from '../../../core/settings/schema.ts'

const MIB = 1024 * 1024

/** Range of the rate limit in MiB/s: the agent's range, rounded to numbers that can be typed. */
export const rateLimits = { least: 0.001, most: 100_000 } as const

/** Converts bytes a second to the number that is typed and shown. */
export const toTyped = (bytesPerSecond: number): number => Number((bytesPerSecond / MIB).toPrecision(6))

/** Parses MiB/s, or a rate such as "500K", to bytes a second; `none` if empty; null if out of range. */
export function parseRate(typed: string): number | 'none' | null {
  const text = typed.trim()
  if (text === '') return 'none'
  const isPlain = /^[\d.]+$/.test(text)
  const rate = isPlain ? Math.round(Number(text) * MIB) : (parseTyped(text) ?? 0)
  if (!(rate >= rateLimits.least * MIB && rate <= rateLimits.most * MIB)) return null
  const result = bytesPerSecondSchema.safeParse(rate)
  return result.success ? result.data : null
}

/** A rule as edited in the form. */
export interface RuleForm {
  /** Days of the week; "0" is Sunday. */
  days: readonly string[]
  from: string
  to: string
  allow: 'pause' | 'free' | 'limit'
  /** MiB/s */
  rate: string
}

export const emptyRule: RuleForm = {
  days: ['1', '2', '3', '4', '5'],
  from: '08:00',
  to: '18:00',
  allow: 'limit',
  rate: '1',
}

/** Returns an existing rule as a form. */
export const toRuleForm = ({ days, from, to, allow }: SendRule): RuleForm => ({
  days: days.map(String),
  from,
  to,
  allow: typeof allow === 'number' ? 'limit' : allow,
  rate: typeof allow === 'number' ? String(toTyped(allow)) : emptyRule.rate,
})

/** Returns the rules with one of them moved up (-1) or down (1); unchanged at an end. */
export function movedRule(rules: readonly SendRule[], index: number, by: -1 | 1): SendRule[] {
  const next = [...rules]
  const [one, other] = [rules[index], rules[index + by]]
  if (one === undefined || other === undefined) return next
  next[index] = other
  next[index + by] = one
  return next
}

/** Returns the rule of the form; null if incomplete. */
export function parseRule({ days, from, to, allow, rate }: RuleForm): SendRule | null {
  const result = sendRuleSchema.safeParse({
    days: days.map(Number).sort(),
    from,
    to,
    allow: allow === 'limit' ? parseRate(rate) : allow,
  })
  return result.success ? result.data : null
}

/** Returns the days of the week, Monday first as usual in both languages, with their short names. */
export function weekdays(language: string): { value: string; label: string }[] {
  const format = new Intl.DateTimeFormat(language, { weekday: 'short', timeZone: 'UTC' })
  // 4 January 1970 was a Sunday.
  const name = (day: number) => format.format(new Date(Date.UTC(1970, 0, 4 + day)))
  return [1, 2, 3, 4, 5, 6, 0].map((day) => ({ value: String(day), label: name(day) }))
}

/** Describes a rule's days: runs of three or more are shortened ("Mon–Fri, Sun"); null for every day. */
export function daysInWords(days: readonly number[], language: string): string | null {
  const week = weekdays(language)
  const is = week.map(({ value }) => days.includes(Number(value)))
  if (is.every(Boolean)) return null
  const parts: string[] = []
  for (let index = 0; index < week.length; index += 1) {
    if (is[index] !== true) continue
    const next = is.indexOf(false, index)
    const end = (next === -1 ? week.length : next) - 1
    const [first, last] = [week[index]?.label ?? '', week[end]?.label ?? '']
    if (end - index >= 2) {
      parts.push(`${first}${language === 'en' ? '–' : '至'}${last}`)
      index = end
    } else parts.push(first)
  }
  return new Intl.ListFormat(language, { style: 'narrow', type: 'unit' }).format(parts)
}
