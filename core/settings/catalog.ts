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

/** The sections of the window's settings page, in its order. */
export const sections = [
  'settings.general',
  'settings.notifications',
  'settings.checking',
  'settings.sending',
  'settings.keep.title',
  'settings.network.title',
  'settings.reporting',
  'window.help',
] as const satisfies readonly WordKey[]
export type Section = (typeof sections)[number]

export interface PlainSetting {
  under: Section
  /** The unit of a number. */
  unit?: keyof typeof units
  /** True if its section has a control of its own for it. */
  isOwnControl?: boolean
  /** True if a receiver may propose it. */
  isProposable?: boolean
}

/** By their paths in the settings file, in the order of the settings page. */
export const plainSettings = {
  language: { under: 'settings.general' },
  theme: { under: 'settings.general' },
  notifications: { under: 'settings.notifications', isOwnControl: true },
  'alerts.quietHours': { under: 'settings.notifications', isOwnControl: true },
  'alerts.unreachableMinutes': { under: 'settings.notifications', unit: 'minutes' },
  'alerts.labels.project': { under: 'settings.notifications' },
  'alerts.labels.resource': { under: 'settings.notifications' },
  'check.intervalSeconds': { under: 'settings.checking', unit: 'seconds', isProposable: true },
  'check.diskHealth': { under: 'settings.checking' },
  'check.slowSeconds': { under: 'settings.checking', unit: 'seconds' },
  'send.bytesPerSecond': {
    under: 'settings.sending',
    unit: 'bytesPerSecond',
    isOwnControl: true,
    isProposable: true,
  },
  'send.pauseOnBattery': { under: 'settings.sending', isOwnControl: true },
  'send.pauseOnMetered': { under: 'settings.sending', isOwnControl: true },
  'send.retrySeconds': { under: 'settings.sending', unit: 'seconds' },
  'send.versionsPerHour': { under: 'settings.sending', unit: 'perHour' },
  'scan.quietSeconds': { under: 'settings.sending', unit: 'seconds' },
  'scan.reconcileSeconds': { under: 'settings.sending', unit: 'seconds', isProposable: true },
  'keep.withinDays': { under: 'settings.keep.title', unit: 'days', isOwnControl: true },
  'keep.daily': { under: 'settings.keep.title', unit: 'days', isOwnControl: true },
  'keep.weekly': { under: 'settings.keep.title', unit: 'weeks', isOwnControl: true },
  'keep.monthly': { under: 'settings.keep.title', unit: 'months', isOwnControl: true },
  'keep.yearly': { under: 'settings.keep.title', unit: 'years', isOwnControl: true },
  'events.keepDays': { under: 'settings.reporting', unit: 'days' },
  'events.keepRows': { under: 'settings.reporting', unit: 'events' },
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
