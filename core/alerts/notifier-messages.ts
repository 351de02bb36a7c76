import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { languages, places } from '../lib/i18n/words.ts'
import type { WorkerDefinition } from '../lib/workers/definition.ts'
import { incidentSchema, noticeSchema, timelinePageSchema, timelineQuestionSchema } from './incident.ts'
import { channelSchema, quietHoursSchema } from './settings.ts'

/** The state of a channel. unused: nothing was sent yet with its current settings. */
export const channelStateSchema = z.object({
  id: z.string(),
  condition: z.enum(['unused', 'ok', 'retrying', 'refused']),
  /** Milliseconds since 1970 of the last attempt, or of a later change of its settings; null: neither yet. */
  at: z.number().nullable(),
  /** The reason of a failure, or additional information such as a quota. */
  sentence: messageSchema.nullable(),
  /** Number of waiting notices. */
  waiting: z.number(),
  /** Names of its stored secrets. */
  secrets: z.array(z.string()),
})
export type ChannelState = z.infer<typeof channelStateSchema>

/** The last attempt of a channel, or a later change of its settings. */
export type ChannelHealth = Pick<ChannelState, 'id' | 'condition' | 'sentence'> & { at: number }

/** The result of a test, with a sentence. */
export const testedSchema = z.object({ delivered: z.boolean(), sentence: messageSchema })
export type ChannelTested = z.infer<typeof testedSchema>

/** The notifier's configuration. */
const notifierConfigSchema = z.object({
  /** Path of its database. */
  file: z.string(),
  language: z.enum([...languages]),
  /** Place of this computer's own notifications; omitted: the terminal. */
  place: z.enum([...places]).optional(),
  computer: z.string(),
  /** Names of the sources, by id. */
  names: z.record(z.string(), z.string()),
  labels: z.object({ project: z.string(), resource: z.string() }),
  quietHours: quietHoursSchema.nullable(),
  /** True if native notifications, or the terminal's lines, are enabled. */
  native: z.boolean(),
  channels: z.array(channelSchema),
  /** By channel id. A channel whose secrets cannot be read has none. */
  secrets: z.record(z.string(), z.record(z.string(), z.string())),
  /** The current failure, which signs of life report; null: none. */
  failing: messageSchema.nullable(),
})
export type NotifierConfig = z.infer<typeof notifierConfigSchema>

/** A notification for this computer's desktop or terminal. */
const shownSchema = z.object({
  about: z.string(),
  incident: z.string(),
  title: z.string(),
  body: z.string(),
  urgent: z.boolean(),
})
export type Shown = z.infer<typeof shownSchema>

export const notifierDefinition = {
  name: 'notifier' as const,
  config: notifierConfigSchema,
  report: z.object({
    channels: z.array(channelStateSchema).optional(),
    /** There is no channel, and no entry waits: the process may end until the next request. */
    isIdle: z.boolean().optional(),
    show: shownSchema.optional(),
    /** A message for the person about the timeline's file. */
    notice: messageSchema.optional(),
  }),
  requests: {
    /** Replies when the notices are stored, or the disk cannot store them. Ignores duplicates. */
    tell: { input: z.object({ notices: z.array(noticeSchema) }), output: z.object({}) },
    /** Records incidents that started, changed or ended. */
    record: { input: z.object({ incidents: z.array(incidentSchema) }), output: z.object({}) },
    test: { input: z.object({ channel: z.string() }), output: testedSchema },
    timeline: { input: timelineQuestionSchema, output: timelinePageSchema },
  },
} satisfies WorkerDefinition
