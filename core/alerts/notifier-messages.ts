import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { languages } from '../lib/i18n/words.ts'
import type { WorkerDefinition } from '../lib/workers/definition.ts'
import { incidentSchema } from './incident.ts'
import { noticeSchema } from './notice.ts'
import { channelSchema, quietHoursSchema } from './settings.ts'
import { timelinePageSchema, timelineQuestionSchema } from './timeline.ts'

/** How a channel is. unused: it has told nothing yet with the settings that it has now. */
export const channelStateSchema = z.object({
  id: z.string(),
  condition: z.enum(['unused', 'ok', 'retrying', 'refused']),
  /** Milliseconds since 1970 of the last attempt, or of a change of its settings since; null: neither yet. */
  at: z.number().nullable(),
  /** Why it could not deliver, or what it said besides, such as a quota. */
  sentence: messageSchema.nullable(),
  /** Notices that wait. */
  waiting: z.number(),
  /** Names of the secrets that it has. */
  secrets: z.array(z.string()),
})
export type ChannelState = z.infer<typeof channelStateSchema>

/** What became of a test, in words. */
export const testedSchema = z.object({ delivered: z.boolean(), sentence: messageSchema })
export type ChannelTested = z.infer<typeof testedSchema>

/** What the notifier has to know. */
const notifierConfigSchema = z.object({
  /** Its database. */
  file: z.string(),
  language: z.enum([...languages]),
  computer: z.string(),
  /** What the sources are called, by their ids. */
  names: z.record(z.string(), z.string()),
  labels: z.object({ project: z.string(), resource: z.string() }),
  quietHours: quietHoursSchema.nullable(),
  /** Native notifications, or the terminal's lines, are wanted. */
  native: z.boolean(),
  channels: z.array(channelSchema),
  /** By the channels' ids; a channel whose secrets cannot be read has none. */
  secrets: z.record(z.string(), z.record(z.string(), z.string())),
  /** Something fails now: dead-man's pings say so. */
  failing: messageSchema.nullable(),
})
export type NotifierConfig = z.infer<typeof notifierConfigSchema>

/** Something to show on this computer's own desktop, or terminal. */
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
    /** There is no channel, and nothing waits: its process may end until it is asked. */
    isIdle: z.boolean().optional(),
    show: shownSchema.optional(),
    /** What a person should know of the timeline's file. */
    notice: messageSchema.optional(),
  }),
  requests: {
    /** Answered when they are written down, or their disk cannot take them; the same one twice is one. */
    tell: { input: z.object({ notices: z.array(noticeSchema) }), output: z.object({}) },
    /** An incident began, changed or is over. */
    record: { input: z.object({ incidents: z.array(incidentSchema) }), output: z.object({}) },
    test: { input: z.object({ channel: z.string() }), output: testedSchema },
    timeline: { input: timelineQuestionSchema, output: timelinePageSchema },
  },
} satisfies WorkerDefinition
