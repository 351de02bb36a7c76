import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { incidentSchema } from './incident.ts'
import { incidentKinds, severities } from './kinds.ts'
import { noticeKinds } from './notice.ts'

/**
 * What became of one notice in one channel. waiting: not yet, for this reason; merged: what followed said it, too;
 * untold: nobody had been told that it had begun; expired: it was too old to be news.
 */
const deliveryStates = ['waiting', 'delivered', 'refused', 'merged', 'untold', 'expired'] as const

export const deliverySchema = z.object({
  notice: z.string(),
  what: z.enum(noticeKinds),
  /** The channel's id and the name that it had. */
  channel: z.string(),
  channelName: z.string(),
  state: z.enum(deliveryStates),
  /** Milliseconds since 1970: when it was to be told, and when that was decided. */
  at: z.number(),
  decidedAt: z.number().nullable(),
  attempts: z.number(),
  reason: messageSchema.nullable(),
})
export type NoticeDelivery = z.infer<typeof deliverySchema>

export const timelineQuestionSchema = z.object({
  /** Only those that were noticed before this; null: the newest. */
  before: z.object({ at: z.number(), id: z.string() }).nullable(),
  most: z.number().int().min(1).max(200),
  severity: z.enum(severities).nullable().default(null),
  kinds: z.array(z.enum(incidentKinds)).nullable().default(null),
  source: z.string().nullable().default(null),
  /** Part of the name of a path or another subject. */
  text: z.string().max(200).default(''),
  /** true: those that last; false: those that are over. */
  lasts: z.boolean().nullable().default(null),
})
export type TimelineQuestion = z.infer<typeof timelineQuestionSchema>

export const timelineEntrySchema = z.object({ incident: incidentSchema, deliveries: z.array(deliverySchema) })
export type TimelineEntry = z.infer<typeof timelineEntrySchema>

export const timelinePageSchema = z.object({
  /** Newest first. */
  entries: z.array(timelineEntrySchema),
  /** Where the next page begins; null: there is none. */
  next: timelineQuestionSchema.shape.before,
})
export type TimelinePage = z.infer<typeof timelinePageSchema>

/** What is kept of the past. */
export const KEPT_DAYS = 400
