import { z } from 'zod'
import { changesQuestionSchema } from '../../../alerts/incident.ts'
import { messageSchema } from '../../../lib/i18n/message-schema.ts'
import { differenceSchema } from '../../../settings/changes.ts'
import { defineQuery } from '../../answering.ts'

/**
 * The person who sent a command: a user of this computer, or the holder of a token of the web page. receiver: the
 * destination whose proposed settings were accepted without a question.
 */
const actorSchema = z.object({ via: z.enum(['window', 'terminal', 'page', 'receiver']), name: z.string() })
export type Actor = z.infer<typeof actorSchema>

export const recordedChangeSchema = z.object({
  id: z.string(),
  /** Milliseconds since 1970. */
  at: z.number(),
  by: actorSchema,
  sentence: messageSchema,
  /** The settings that were changed, as far as the sentence does not name them. */
  differences: z.array(differenceSchema),
  /** Number of further changed settings. */
  more: z.number(),
})
export type RecordedChange = z.infer<typeof recordedChangeSchema>

const changesPageSchema = z.object({
  /** Newest first. */
  entries: z.array(recordedChangeSchema),
  /** Start of the next page; null: this is the last page. */
  next: z.number().nullable(),
})
export type ChangesPage = z.infer<typeof changesPageSchema>

export const changesContract = {
  /** Returns a page of the recorded changes: who changed what. */
  changes: defineQuery({ input: changesQuestionSchema, output: changesPageSchema }),
} as const
