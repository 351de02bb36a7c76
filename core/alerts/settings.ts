import { z } from 'zod'
import { channelTypes, getFields, refuseValue } from './channels/catalog.ts'
import { severities } from './kinds.ts'

/** Schemas shared by the settings file, a receiver's configuration file, and the window. */

/** A wall-clock time, "00:00" to "23:59". */
export const wallTimeSchema = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/)

const MOST_CHANNELS = 20
export const LONGEST_TEMPLATE = 2_000
/** A channel in the settings. Its secrets are stored separately. */
export const channelSchema = z
  .object({
    id: z.string().regex(/^[a-z0-9-]{1,40}$/),
    name: z.string().min(1).max(100),
    type: z.enum(channelTypes),
    enabled: z.boolean().default(true),
    /** By the catalog's names; omitted options have their defaults. */
    options: z.record(z.string(), z.string()).default({}),
    /** Minimum severity. */
    severity: z.enum([...severities]).default('warning'),
    /** Ids of the sources whose incidents it reports, besides incidents without a source; null: all. */
    sources: z.array(z.string()).max(1000).nullable().default(null),
    /** Used only for notices that another channel could not deliver. */
    standby: z.boolean().default(false),
    /** null: the default of its type, or title and body. */
    template: z.string().max(LONGEST_TEMPLATE).nullable().default(null),
  })
  .superRefine(({ type, options }, context) => {
    const fields = getFields(type).filter(({ kind }) => kind !== 'secret')
    for (const field of fields) {
      const given = options[field.name] ?? field.default ?? ''
      const why = refuseValue(field, given)
      if (why !== null)
        context.addIssue({
          code: 'custom',
          path: ['options', field.name],
          message: `${field.name} is ${why}`,
        })
    }
    const unknown = Object.keys(options).find((name) => !fields.some((field) => field.name === name))
    if (unknown !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['options', unknown],
        message: `there is no option "${unknown}"`,
      })
  })
export type ChannelSettings = z.infer<typeof channelSchema>

/** Wall-clock times between which only critical notices are sent. `to` at or before `from`: on the next day. */
export const quietHoursSchema = z.object({ from: wallTimeSchema, to: wallTimeSchema })
export type QuietHours = z.infer<typeof quietHoursSchema>

export const alertsSettingsSchema = z.object({
  /** Minutes after which an unreachable destination is notified. */
  unreachableMinutes: z.number().min(0.05).max(10_080).default(5),
  labels: z
    .object({ project: z.string().max(200).default(''), resource: z.string().max(200).default('') })
    .prefault({}),
  quietHours: quietHoursSchema.nullable().default(null),
  /** Muted sources, checked paths, destinations, disks or EVERYTHING, by id, until then (milliseconds since 1970); null: unlimited. */
  muted: z.record(z.string(), z.number().nullable()).default({}),
  /** Their order is the order in which standbys take over. */
  channels: z.array(channelSchema).max(MOST_CHANNELS).default([]),
})
export type AlertsSettings = z.infer<typeof alertsSettingsSchema>

/** Returns the values of a channel's options, including defaults. */
export function getOptions({
  type,
  options,
}: Pick<ChannelSettings, 'type' | 'options'>): Record<string, string> {
  return Object.fromEntries(
    getFields(type)
      .filter(({ kind }) => kind !== 'secret')
      .map((field) => [field.name, options[field.name] ?? field.default ?? '']),
  )
}
