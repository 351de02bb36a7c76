import './without-eval.ts'

import { settingsSchema, sourceSchema } from '../../../core/settings/schema.ts'

const { alerts, check, events, keep, scan, send } = settingsSchema.shape

/** Schemas of the number settings; the agent checks with the same ones. In seconds unless noted. */
export const numberFields = {
  interval: check.unwrap().shape.intervalSeconds.unwrap(),
  slow: check.unwrap().shape.slowSeconds.unwrap(),
  reconcile: scan.unwrap().shape.reconcileSeconds.unwrap(),
  quiet: scan.unwrap().shape.quietSeconds.unwrap(),
  retry: send.unwrap().shape.retrySeconds.unwrap(),
  /** A number per hour. */
  versions: send.unwrap().shape.versionsPerHour.unwrap(),
  /** Days; the following fields count the unit of their names. */
  withinDays: keep.unwrap().shape.withinDays.unwrap(),
  daily: keep.unwrap().shape.daily.unwrap(),
  weekly: keep.unwrap().shape.weekly.unwrap(),
  monthly: keep.unwrap().shape.monthly.unwrap(),
  yearly: keep.unwrap().shape.yearly.unwrap(),
  eventDays: events.unwrap().shape.keepDays.unwrap(),
  eventRows: events.unwrap().shape.keepRows.unwrap(),
  /** Minutes. */
  unreachable: alerts.unwrap().shape.unreachableMinutes.unwrap(),
  /** Hours. */
  silent: sourceSchema.shape.silentHours.unwrap().unwrap(),
} as const

const usual = {
  check: check.parse(undefined),
  scan: scan.parse(undefined),
  send: send.parse(undefined),
  alerts: alerts.parse(undefined),
}

/** The default values. */
export const usualNumbers: Record<Exclude<NumberField, 'silent'>, number> = {
  interval: usual.check.intervalSeconds,
  slow: usual.check.slowSeconds,
  reconcile: usual.scan.reconcileSeconds,
  quiet: usual.scan.quietSeconds,
  ...keep.parse(undefined),
  eventDays: events.parse(undefined).keepDays,
  eventRows: events.parse(undefined).keepRows,
  retry: usual.send.retrySeconds,
  versions: usual.send.versionsPerHour,
  unreachable: usual.alerts.unreachableMinutes,
}

export type NumberField = keyof typeof numberFields

export interface Limits {
  least: number
  most: number
  whole: boolean
}

export function getLimits(field: NumberField): Limits {
  const { minValue, maxValue, format } = numberFields[field]
  return { least: minValue ?? 0, most: maxValue ?? Number.MAX_SAFE_INTEGER, whole: format === 'safeint' }
}

/** Parses a typed number; null if the setting does not allow it. */
export function parseNumber(field: NumberField, typed: string | number): number | null {
  const text = String(typed).trim()
  const parsed = text === '' ? undefined : Number(text)
  const result = numberFields[field].safeParse(parsed)
  return result.success ? result.data : null
}
