import type { WordKey } from '../../../core/lib/i18n/message.ts'
import type { SendRule } from '../../../core/settings/schema.ts'
import type { Words } from '../../words/context.tsx'
import { describeRule } from '../settings/rule-list.tsx'

// Names and values of the settings that a receiver can propose, for people.

const labels: Readonly<Record<string, WordKey>> = {
  'check.intervalSeconds': 'window.settings.interval',
  'scan.reconcileSeconds': 'window.settings.reconcile',
  'send.bytesPerSecond': 'window.limit.always',
  'send.schedule': 'window.limit.rules',
  ignore: 'window.filters.patterns',
  hidden: 'window.filters.hidden',
  temporary: 'window.filters.temporary',
  minimumBytes: 'window.filters.least',
  maximumBytes: 'window.filters.most',
  minimumAgeSeconds: 'window.filters.age',
}

export function nameSetting(key: string, { t }: Words): string {
  const label = labels[key]
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

const isText = (value: unknown): value is string => typeof value === 'string'

/** Returns the changed patterns: the added ones with "+", the removed ones with "−". */
function comparePatterns(from: unknown, to: unknown): string[] {
  const [before, after] = [from, to].map((list) => (Array.isArray(list) ? list.filter(isText) : []))
  const added = (after ?? []).filter((one) => before?.includes(one) !== true)
  const removed = (before ?? []).filter((one) => after?.includes(one) !== true)
  return [...added.map((one) => `+ ${one}`), ...removed.map((one) => `− ${one}`)]
}

/** Returns the lines that show how a setting changes. */
export function describeChange(key: string, from: unknown, to: unknown, words: Words): string[] {
  if (key === 'ignore') {
    const changed = comparePatterns(from, to)
    // Only the order differs, which matters for exceptions.
    return changed.length > 0 ? changed : [Array.isArray(to) ? to.join(words.t('window.list.separator')) : '']
  }
  if (key === 'send.schedule' && Array.isArray(to))
    return to.length === 0 ? [words.t('settings.import.none')] : to.map((rule) => formatRule(rule, words))
  return [`${formatValue(key, from, words)} → ${formatValue(key, to, words)}`]
}

function formatRule(rule: SendRule, words: Words): string {
  const { when, what } = describeRule(rule, words)
  return `${when}: ${what}`
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
