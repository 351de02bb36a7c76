import type { WordKey } from '../../../core/lib/i18n/message.ts'

interface Indexed {
  /** The title of the part of the page that contains the setting. */
  title: WordKey
  words: readonly WordKey[]
}

/** All settings of the page, with the texts that the search covers. */
export const settingsIndex = {
  channels: {
    title: 'window.channel.title',
    words: ['window.channel.explain', 'window.channel.native', 'window.channel.nativeHint'],
  },
  unreachable: {
    title: 'window.telling.title',
    words: ['window.telling.unreachable', 'window.telling.unreachableHint'],
  },
  quietHours: { title: 'window.telling.title', words: ['window.quiet.title', 'window.quiet.hint'] },
  language: { title: 'settings.application', words: ['window.settings.language'] },
  theme: {
    title: 'settings.application',
    words: ['window.settings.theme', 'window.settings.light', 'window.settings.dark'],
  },
  login: { title: 'settings.application', words: ['settings.login.title', 'settings.login.hint'] },
  limit: { title: 'settings.sending', words: ['window.limit.always', 'window.limit.alwaysHint'] },
  schedule: {
    title: 'settings.sending',
    words: [
      'window.limit.rules',
      'window.limit.rulesHint',
      'window.limit.allow.pause',
      'settings.week.title',
    ],
  },
  surroundings: {
    title: 'settings.sending',
    words: [
      'window.limit.pauseOnBattery',
      'window.limit.pauseOnBatteryHint',
      'window.limit.pauseOnMetered',
      'window.limit.pauseOnMeteredHint',
    ],
  },
  interval: {
    title: 'settings.checking',
    words: ['window.settings.interval', 'window.settings.intervalHint'],
  },
  slow: { title: 'settings.advanced', words: ['window.settings.slow', 'window.settings.slowHint'] },
  reconcile: {
    title: 'settings.advanced',
    words: ['window.settings.reconcile', 'window.settings.reconcileHint'],
  },
  quiet: { title: 'settings.advanced', words: ['window.settings.quiet', 'window.settings.quietHint'] },
  retry: { title: 'settings.advanced', words: ['window.settings.retry', 'window.settings.retryHint'] },
  versions: {
    title: 'settings.advanced',
    words: ['window.settings.versions', 'window.settings.versionsHint'],
  },
  project: { title: 'settings.advanced', words: ['window.telling.project', 'window.telling.projectHint'] },
  resource: { title: 'settings.advanced', words: ['window.telling.resource', 'window.telling.resourceHint'] },
  keep: {
    title: 'settings.keep.title',
    words: [
      'settings.keep.explain',
      'settings.keep.within',
      'settings.keep.daily',
      'settings.keep.weekly',
      'settings.keep.monthly',
      'settings.keep.yearly',
    ],
  },
  exchange: {
    title: 'settings.exchange.title',
    words: ['settings.exchange.explain', 'settings.exchange.export', 'settings.exchange.import'],
  },
  inside: { title: 'window.inside.title', words: ['window.inside.explain'] },
} as const satisfies Record<string, Indexed>

export type SettingId = keyof typeof settingsIndex
const ids = Object.keys(settingsIndex) as SettingId[]

/** Returns the settings whose texts contain all words of the search, in any order and case; all of them if empty. */
export function findSettings(search: string, t: (key: WordKey) => string): ReadonlySet<SettingId> {
  const wanted = search.toLowerCase().split(/\s+/).filter(Boolean)
  const getSearchText = ({ title, words }: Indexed) => [title, ...words].map(t).join('\n').toLowerCase()
  return new Set(
    ids.filter((id) => {
      const text = getSearchText(settingsIndex[id])
      return wanted.every((word) => text.includes(word))
    }),
  )
}

/** Names of settings, by their keys in the settings file. */
export const settingNames: Readonly<Record<string, WordKey>> = {
  'check.intervalSeconds': 'window.settings.interval',
  'check.slowSeconds': 'window.settings.slow',
  'scan.reconcileSeconds': 'window.settings.reconcile',
  'scan.quietSeconds': 'window.settings.quiet',
  'send.retrySeconds': 'window.settings.retry',
  'send.versionsPerHour': 'window.settings.versions',
  'send.bytesPerSecond': 'window.limit.always',
  'send.schedule': 'window.limit.rules',
  'send.pauseOnBattery': 'window.limit.pauseOnBattery',
  'send.pauseOnMetered': 'window.limit.pauseOnMetered',
  'keep.withinDays': 'settings.keep.within',
  'keep.daily': 'settings.keep.daily',
  'keep.weekly': 'settings.keep.weekly',
  'keep.monthly': 'settings.keep.monthly',
  'keep.yearly': 'settings.keep.yearly',
  'alerts.unreachableMinutes': 'window.telling.unreachable',
  'alerts.labels': 'settings.labels',
  'alerts.quietHours': 'window.quiet.title',
  'alerts.muted': 'settings.muted',
  receive: 'settings.receive',
  notifications: 'window.channel.native',
  language: 'window.settings.language',
  theme: 'window.settings.theme',
}
