import { z } from 'zod'
import { channelTypes, fieldsOf, refuseValue } from './channels/catalog.ts'
import { severities } from './kinds.ts'

/** Of the settings file, of a receiver's configuration file, and of the window. */

/** A time of the clock on the wall, "00:00" to "23:59". */
export const wallTimeSchema = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/)

const MOST_CHANNELS = 20
export const LONGEST_TEMPLATE = 2_000
/** A channel as the settings have it: without its secrets, which are kept apart. */
export const channelSchema = z
  .object({
    id: z.string().regex(/^[a-z0-9-]{1,40}$/),
    name: z.string().min(1).max(100),
    type: z.enum(channelTypes),
    enabled: z.boolean().default(true),
    /** By the names of the catalogue; what is left out has its default. */
    options: z.record(z.string(), z.string()).default({}),
    /** Only what is at least so grave. */
    severity: z.enum([...severities]).default('warning'),
    /** Only incidents of these sources, by id, and those that are about no source; null: of all. */
    sources: z.array(z.string()).max(1000).nullable().default(null),
    /** Used only for what another channel could not deliver. */
    standby: z.boolean().default(false),
    /** null: title and body, or what its type has by default. */
    template: z.string().max(LONGEST_TEMPLATE).nullable().default(null),
  })
  .superRefine(({ type, options }, context) => {
    const fields = fieldsOf(type).filter(({ kind }) => kind !== 'secret')
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

/** Times of the clock on the wall, at which only what is critical is told. `to` at or before `from`: the next day. */
export const quietHoursSchema = z.object({ from: wallTimeSchema, to: wallTimeSchema })
export type QuietHours = z.infer<typeof quietHoursSchema>

export const alertsSettingsSchema = z.object({
  /** A destination that is away is told after so many minutes. */
  unreachableMinutes: z.number().min(0.05).max(10_080).default(5),
  labels: z
    .object({ project: z.string().max(200).default(''), resource: z.string().max(200).default('') })
    .prefault({}),
  quietHours: quietHoursSchema.nullable().default(null),
  /** Nothing is told of these sources or checked paths, by id, until then (milliseconds since 1970); null: until unmuted. */
  muted: z.record(z.string(), z.number().nullable()).default({}),
  /** In the order in which a standby takes over. */
  channels: z.array(channelSchema).max(MOST_CHANNELS).default([]),
})
export type AlertsSettings = z.infer<typeof alertsSettingsSchema>

/** The values of a channel's options, defaults included. */
export function optionsOf({
  type,
  options,
}: Pick<ChannelSettings, 'type' | 'options'>): Record<string, string> {
  return Object.fromEntries(
    fieldsOf(type)
      .filter(({ kind }) => kind !== 'secret')
      .map((field) => [field.name, options[field.name] ?? field.default ?? '']),
  )
}
