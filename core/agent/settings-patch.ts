import { z } from 'zod'
import { alertsSettingsSchema } from '../alerts/settings.ts'
import { batchSettingsSchema, settingsSchema, sourceFiltersSchema, sourceSchema } from '../settings/schema.ts'

type WithoutDefaults<S extends z.ZodRawShape> = {
  [Name in keyof S]: S[Name] extends z.ZodDefault<infer Field extends z.ZodType> ? Field : S[Name]
}

/**
 * Removes the defaults of a shape. Otherwise an omitted field would be reset to its default; a patch must change only
 * the fields that it contains.
 */
function withoutDefaults<S extends z.ZodRawShape>(shape: S): z.ZodObject<WithoutDefaults<S>> {
  const fields = Object.entries(shape).map(([name, field]) => [
    name,
    field instanceof z.ZodDefault ? field.unwrap() : field,
  ])
  return z.object(Object.fromEntries(fields) as WithoutDefaults<S>)
}

const settings = settingsSchema.shape
const { labels } = alertsSettingsSchema.shape

/** The settings that a view may change, named as in the settings file. Groups are patched field by field. */
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

const sourceFields = withoutDefaults(sourceSchema.shape)
/** An empty mark is accepted here, because it is refused later with a sentence. */
const mark = z.string().max(255)
const batch = withoutDefaults(batchSettingsSchema.shape).extend({ closedMark: mark, sentMark: mark })

/** A source's filters, without defaults. */
export const givenFiltersSchema = withoutDefaults(sourceFiltersSchema.shape)

/** The fields of a source that a preview evaluates. */
export const previewedFiltersSchema = givenFiltersSchema.extend(
  sourceFields.pick({ oneFileSystem: true }).shape,
)

/** The fields of a source that a view may change. A source's folder at a destination keeps its first name. */
export const changeableSourceSchema = previewedFiltersSchema
  .extend(sourceFields.pick({ name: true, paused: true, destinations: true }).shape)
  .extend(sourceFields.pick({ priority: true, deleteAfter: true, silentHours: true }).shape)
  .extend({ batch: batch.partial() })
  .partial()
