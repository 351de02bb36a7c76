import { z } from 'zod'
import { alertsSettingsSchema } from '../../../alerts/settings.ts'
import { differenceSchema } from '../../../settings/changes.ts'
import { givenSecretsSchema } from '../../../settings/destination-schema.ts'
import { eventsSettingsSchema } from '../../../settings/event-sinks.ts'
import { proxySettingsSchema } from '../../../settings/proxy.ts'
import { settingsSchema, webProxySchema } from '../../../settings/schema.ts'
import { defineAction, defineTrial, nothing } from '../../answering.ts'
import { withoutDefaults } from '../../inputs.ts'

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
    events: withoutDefaults(eventsSettingsSchema.shape).omit({ sinks: true }).partial(),
    report: withoutDefaults(settings.report.unwrap().shape).partial(),
    web: withoutDefaults(settings.web.unwrap().shape)
      .extend({ proxy: withoutDefaults(webProxySchema.shape).partial() })
      .partial(),
    alerts: withoutDefaults(alertsSettingsSchema.shape)
      .omit({ muted: true, channels: true })
      .extend({ labels: withoutDefaults(labels.unwrap().shape).partial() })
      .partial(),
  })
  .partial()

/** Limit of a settings text in characters; settings with ten thousand paths take a tenth of it. */
export const LONGEST_SETTINGS = 32 * 1024 * 1024

/** The differences that importing settings would make. */
export const readSettingsSchema = z.object({
  file: z.string(),
  settings: settingsSchema,
  differences: z.array(differenceSchema),
  /** Names of channels and destinations that need their secrets entered, or their pairing done, again. */
  missing: z.array(z.string()),
})

export const settingsContract = {
  changeSettings: defineAction(changeableSettingsSchema),
  /** Sets the proxy. An omitted password stays for the same address and user, and is removed otherwise. */
  setProxy: defineAction(z.object({ proxy: proxySettingsSchema, secrets: givenSecretsSchema })),
  /** Returns the settings as text, without secrets, to keep or to import elsewhere. */
  settingsText: defineTrial({ input: nothing, output: z.object({ text: z.string() }) }),
  /** Returns what importing such a text would change. `importSettings` imports it. file: its name, for messages. */
  readSettingsText: defineTrial({
    input: z.object({ file: z.string().max(4096), text: z.string().max(LONGEST_SETTINGS) }),
    output: readSettingsSchema,
  }),
  /**
   * Replaces all settings with exported ones. The pause stays, and so do the secrets of channels and destinations
   * that stay.
   */
  importSettings: defineAction(z.object({ settings: settingsSchema })),
} as const
