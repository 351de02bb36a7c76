import { z } from 'zod'
import { messageSchema } from '../words/message-schema.ts'

/** How far the restore is that runs, or how the last one has ended. */
export const restoreReportSchema = z.object({
  phase: z.enum(['running', 'done', 'stopped', 'failed']),
  /** Files and bytes that were looked at so far, and how many there are; null: not known yet. */
  files: z.number(),
  bytes: z.number(),
  totalFiles: z.number().nullable(),
  totalBytes: z.number().nullable(),
  /** Bytes a second. */
  rate: z.number(),
  /** About how many milliseconds the rest will take; null: nothing can be said. */
  left: z.number().nullable(),
  restored: z.number(),
  /** This very content was there already. */
  same: z.number(),
  /** Other content was there, and stays: nothing was to be overwritten. */
  kept: z.number(),
  failed: z.number(),
  /** The first thing that failed, or why it ended; null: all is well. */
  sentence: messageSchema.nullable(),
})
export type RestoreReport = z.infer<typeof restoreReportSchema>
