import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'

/** The state of a sink. unused: nothing was sent yet with its current settings. */
export const sinkStateSchema = z.object({
  id: z.string(),
  condition: z.enum(['unused', 'ok', 'retrying']),
  /** When the condition began; milliseconds since 1970. */
  since: z.number(),
  /** The reason of a failure. */
  sentence: messageSchema.nullable(),
  /** Time of the oldest event that was not delivered; milliseconds since 1970; null: all are. */
  waitingSince: z.number().nullable(),
  /** Number of events that it refuses while it takes others. */
  refused: z.number(),
  /** Names of its stored secrets. */
  secrets: z.array(z.string()),
})
export type SinkState = z.infer<typeof sinkStateSchema>
