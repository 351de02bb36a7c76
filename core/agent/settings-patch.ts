import { z } from 'zod'
import { alertsSettingsSchema } from '../alerts/settings.ts'
import { batchSettingsSchema, settingsSchema, sourceFiltersSchema, sourceSchema } from '../settings/schema.ts'

type WithoutDefaults<S extends z.ZodRawShape> = {
  [Name in keyof S]: S[Name] extends z.ZodDefault<infer Field extends z.ZodType> ? Field : S[Name]
}

/** A field that is left out would be set to its default; a view changes what it names, and nothing else. */
function withoutDefaults<S extends z.ZodRawShape>(shape: S): z.ZodObject<WithoutDefaults<S>> {
  const fields = Object.entries(shape).map(([name, field]) => [
    name,
    field instanceof z.ZodDefault ? field.unwrap() : field,
  ])
  return z.object(Object.fromEntries(fields) as WithoutDefaults<S>)
}

const settings = settingsSchema.shape
const { labels } = alertsSettingsSchema.shape

/** The settings that a view may change, as they are named in the settings file; in each group, too. */
export const changeableSettingsSchema = withoutDefaults(settings)
  .pick({ notifications: true, language: true, theme: true })
  .extend({
    check: withoutDefaults(settings.check.unwrap().shape).partial(),
    scan: withoutDefaults(settings.scan.unwrap().shape).partial(),
    send: withoutDefaults(settings.send.unwrap().shape).partial(),
    keep: withoutDefaults(settings.keep.unwrap().shape).partial(),
    alerts: withoutDefaults(alertsSettingsSchema.shape)
      .pick({ unreachableMinutes: true, quietHours: true })
      .extend({ labels: withoutDefaults(labels.unwrap().shape).partial() })
      .partial(),
  })
  .partial()

const source = withoutDefaults(sourceSchema.shape)
/** One without a name is refused in words. */
const mark = z.string().max(255)
const batch = withoutDefaults(batchSettingsSchema.shape).extend({ closedMark: mark, sentMark: mark })

/** A source's filters, each of them given. */
export const givenFiltersSchema = withoutDefaults(sourceFiltersSchema.shape)

/** What a preview is made of. */
export const previewedFiltersSchema = givenFiltersSchema.extend(source.pick({ oneFileSystem: true }).shape)

/** What of a source a view may change. Its folder at a destination keeps the name that it had at first. */
export const changeableSourceSchema = previewedFiltersSchema
  .extend(source.pick({ name: true, paused: true, destinations: true }).shape)
  .extend(source.pick({ priority: true, deleteAfter: true, silentHours: true }).shape)
  .extend({ batch: batch.partial() })
  .partial()
