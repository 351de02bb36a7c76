import type { WordKey } from '../lib/i18n/message.ts'

// The settings of the whole computer that are plain values. The window's fields and search, `holdfast settings`,
// docs/settings.md and the settings that a receiver may propose are made of this table. Range, choices and default are
// those of the schema (values.ts). Words: `setting.KEY`, `setting.KEY.hint`, for the search `setting.KEY.find`, and for
// each choice `setting.KEY.VALUE`.

export interface Unit {
  word?: WordKey
  /** The length of a unit of time. */
  seconds?: number
}

/** Units of numbers. */
export const units = {
  seconds: { word: 'window.settings.seconds', seconds: 1 },
  minutes: { word: 'window.telling.minutes', seconds: 60 },
  days: { word: 'settings.keep.days', seconds: 86_400 },
  weeks: { word: 'settings.keep.weeks' },
  months: { word: 'settings.keep.months' },
  years: { word: 'settings.keep.years' },
  perHour: { word: 'window.settings.perHour' },
  events: { word: 'window.events.events' },
  bytesPerSecond: { word: 'window.limit.unit' },
} as const satisfies Record<string, Unit>

export interface PlainSetting {
  /** The heading of its part of the window's settings page. */
  under: WordKey
  /** The unit of a number. */
  unit?: keyof typeof units
  /** True if its part of the page has a control of its own for it. */
  isOwnControl?: boolean
  /** True if a receiver may propose it. */
  isProposable?: boolean
}

/** By their paths in the settings file, in the order of the settings page. */
export const plainSettings = {
  notifications: { under: 'window.channel.title', isOwnControl: true },
  'alerts.unreachableMinutes': { under: 'window.telling.title', unit: 'minutes' },
  'alerts.quietHours': { under: 'window.telling.title', isOwnControl: true },
  language: { under: 'settings.application' },
  theme: { under: 'settings.application' },
  'send.bytesPerSecond': {
    under: 'settings.sending',
    unit: 'bytesPerSecond',
    isOwnControl: true,
    isProposable: true,
  },
  'send.pauseOnBattery': { under: 'settings.sending', isOwnControl: true },
  'send.pauseOnMetered': { under: 'settings.sending', isOwnControl: true },
  'check.intervalSeconds': { under: 'settings.checking', unit: 'seconds', isProposable: true },
  'check.diskHealth': { under: 'settings.checking' },
  'keep.withinDays': { under: 'settings.keep.title', unit: 'days', isOwnControl: true },
  'keep.daily': { under: 'settings.keep.title', unit: 'days', isOwnControl: true },
  'keep.weekly': { under: 'settings.keep.title', unit: 'weeks', isOwnControl: true },
  'keep.monthly': { under: 'settings.keep.title', unit: 'months', isOwnControl: true },
  'keep.yearly': { under: 'settings.keep.title', unit: 'years', isOwnControl: true },
  'check.slowSeconds': { under: 'settings.advanced', unit: 'seconds' },
  'scan.reconcileSeconds': { under: 'settings.advanced', unit: 'seconds', isProposable: true },
  'scan.quietSeconds': { under: 'settings.advanced', unit: 'seconds' },
  'send.retrySeconds': { under: 'settings.advanced', unit: 'seconds' },
  'send.versionsPerHour': { under: 'settings.advanced', unit: 'perHour' },
  'alerts.labels.project': { under: 'settings.advanced' },
  'alerts.labels.resource': { under: 'settings.advanced' },
  'events.keepDays': { under: 'window.events.title', unit: 'days' },
  'events.keepRows': { under: 'window.events.title', unit: 'events' },
} as const satisfies Record<string, PlainSetting>

export type SettingKey = keyof typeof plainSettings
export const settingKeys = Object.keys(plainSettings) as SettingKey[]
export const isSettingKey = (name: string): name is SettingKey => Object.hasOwn(plainSettings, name)

/**
 * The exceptions, with the command that changes each: lists of entries, forms with secrets, rules with several fields,
 * and what belongs to a moment. null: nothing changes it.
 */
export const otherSettings = {
  version: null,
  sources: 'folders',
  checkedPaths: 'folders',
  acceptedDisks: 'disks',
  'send.schedule': 'settings limit',
  destinations: 'destinations',
  receive: 'receive',
  report: 'report schedule',
  proxy: 'settings proxy',
  web: 'settings web',
  webTokens: 'settings web token',
  computers: 'computers',
  pause: 'folders pause',
  'alerts.muted': 'failures',
  'alerts.channels': 'channels',
  'events.sinks': 'events sinks',
} as const satisfies Record<string, string | null>
