import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'

/** So many files that failed are named, and so many that stay. */
export const MAX_REPORTED = 10

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
  /** The first that failed, as people are told, and the first that stay; see MOST_TOLD. */
  failures: z.array(messageSchema),
  keptPaths: z.array(z.string()),
  /** Why it ended before all was there; null: it did not. */
  sentence: messageSchema.nullable(),
})
export type RestoreReport = z.infer<typeof restoreReportSchema>

/** Of a restore that has just begun. */
export const BEGUN: RestoreReport = {
  phase: 'running',
  ...{ files: 0, bytes: 0, totalFiles: null, totalBytes: null, rate: 0, left: null },
  ...{ restored: 0, same: 0, kept: 0, failed: 0, failures: [], keptPaths: [], sentence: null },
}
