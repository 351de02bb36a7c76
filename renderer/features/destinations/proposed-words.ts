import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { isSettingKey } from '../../../core/settings/catalog.ts'
import type { SendRule } from '../../../core/settings/schema.ts'
import type { Words } from '../../words/context.tsx'
import { describeRule } from '../settings/rule-list.tsx'

// Names and values of the settings that a receiver can propose, for people.

const labels: Readonly<Record<string, WordKey>> = {
  'send.schedule': 'window.limit.rules',
  ignore: 'window.filters.patterns',
  hidden: 'window.filters.hidden',
  temporary: 'window.filters.temporary',
  minimumBytes: 'window.filters.least',
  maximumBytes: 'window.filters.most',
  minimumAgeSeconds: 'window.filters.age',
}

export function nameSetting(key: string, { t }: Words): string {
  const label = isSettingKey(key) ? (`setting.${key}` as const) : labels[key]
  return label === undefined ? key : t(label)
}

/** Names the settings of a proposal, such as "check.intervalSeconds" and "data: ignore". */
export function nameProposed(names: readonly string[], words: Words): string {
  return names
    .map((name) => {
      const at = name.lastIndexOf(': ')
      const key = at < 0 ? name : name.slice(at + 2)
      return `${at < 0 ? '' : name.slice(0, at + 2)}${nameSetting(key, words)}`
    })
    .join(words.t('window.list.separator'))
}

const toLines = <T>(list: unknown, format: (one: T) => string): string[] =>
  Array.isArray(list) ? list.map(format) : []

/** Returns the added lines with "+" and the removed ones with "−"; if only the order differs, the new lines. */
function compareLines(before: readonly string[], after: readonly string[]): string[] {
  const added = after.filter((one) => !before.includes(one))
  const removed = before.filter((one) => !after.includes(one))
  if (added.length + removed.length === 0) return [...after]
  return [...added.map((one) => `+ ${one}`), ...removed.map((one) => `− ${one}`)]
}

/** Returns the lines that show how a setting changes. */
export function describeChange(key: string, from: unknown, to: unknown, words: Words): string[] {
  if (key === 'ignore') return compareLines(toLines(from, String), toLines(to, String))
  if (key === 'send.schedule') {
    const format = (rule: SendRule) => {
      const { when, what } = describeRule(rule, words)
      return `${when} · ${what}`
    }
    return compareLines(toLines(from, format), toLines(to, format))
  }
  return [`${formatValue(key, from, words)} → ${formatValue(key, to, words)}`]
}

function formatValue(key: string, value: unknown, { t, format }: Words): string {
  if (value === null) return t('window.filters.noLimit')
  if (typeof value === 'number') {
    if (key === 'send.bytesPerSecond') return format.rate(value)
    if (key === 'minimumBytes' || key === 'maximumBytes') return format.bytes(value)
    return value === 0 ? t('window.filters.atOnce') : format.duration(value * 1000)
  }
  return t(value === 'send' ? 'settings.import.on' : 'settings.import.off')
}
