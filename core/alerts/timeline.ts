import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { incidentSchema } from './incident.ts'
import { incidentKinds, severities } from './kinds.ts'
import { noticeKinds } from './notice.ts'

/**
 * The delivery state of a notice in a channel. waiting: not delivered yet, for the given reason; merged: a later
 * notice covered it; untold: a recovery whose failure was not delivered; expired: too old.
 */
const deliveryStates = ['waiting', 'delivered', 'refused', 'merged', 'untold', 'expired'] as const

export const deliverySchema = z.object({
  notice: z.string(),
  what: z.enum(noticeKinds),
  /** The channel's id, and its name at that time. */
  channel: z.string(),
  channelName: z.string(),
  state: z.enum(deliveryStates),
  /** Milliseconds since 1970: when the notice was created, and when its delivery was decided. */
  at: z.number(),
  decidedAt: z.number().nullable(),
  attempts: z.number(),
  reason: messageSchema.nullable(),
})
export type NoticeDelivery = z.infer<typeof deliverySchema>

export const timelineQuestionSchema = z.object({
  /** Only incidents detected before this one; null: from the newest. */
  before: z.object({ at: z.number(), id: z.string() }).nullable(),
  most: z.number().int().min(1).max(200),
  severity: z.enum(severities).nullable().default(null),
  kinds: z.array(z.enum(incidentKinds)).nullable().default(null),
  source: z.string().nullable().default(null),
  /** Part of the name of a path or another subject. */
  text: z.string().max(200).default(''),
  /** true: ongoing incidents; false: ended ones; null: both. */
  lasts: z.boolean().nullable().default(null),
})
export type TimelineQuestion = z.infer<typeof timelineQuestionSchema>

export const timelineEntrySchema = z.object({ incident: incidentSchema, deliveries: z.array(deliverySchema) })
export type TimelineEntry = z.infer<typeof timelineEntrySchema>

export const timelinePageSchema = z.object({
  /** Newest first. */
  entries: z.array(timelineEntrySchema),
  /** Start of the next page; null: this is the last page. */
  next: timelineQuestionSchema.shape.before,
})
export type TimelinePage = z.infer<typeof timelinePageSchema>

/** Days for which the timeline is kept. */
export const KEPT_DAYS = 400
