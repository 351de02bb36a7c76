import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'

/** Maximum number of failed files, and of kept files, that a report names. */
export const MAX_REPORTED = 10

/** Progress of the running restore, or the result of the last one. */
export const restoreReportSchema = z.object({
  phase: z.enum(['running', 'done', 'stopped', 'failed']),
  /** Files and bytes processed so far, and their totals; null: not known yet. */
  files: z.number(),
  bytes: z.number(),
  totalFiles: z.number().nullable(),
  totalBytes: z.number().nullable(),
  /** Bytes per second. */
  rate: z.number(),
  /** Estimated milliseconds left; null: unknown. */
  left: z.number().nullable(),
  restored: z.number(),
  /** Files that already had the same content. */
  same: z.number(),
  /** Files with other content that were kept, because overwriting was not allowed. */
  kept: z.number(),
  failed: z.number(),
  /** The first failures, as messages for the user, and the first kept files; at most MAX_REPORTED each. */
  failures: z.array(messageSchema),
  keptPaths: z.array(z.string()),
  /** The reason why it ended early; null: it did not. */
  sentence: messageSchema.nullable(),
})
export type RestoreReport = z.infer<typeof restoreReportSchema>

/** Initial report of a restore. */
export const BEGUN: RestoreReport = {
  phase: 'running',
  ...{ files: 0, bytes: 0, totalFiles: null, totalBytes: null, rate: 0, left: null },
  ...{ restored: 0, same: 0, kept: 0, failed: 0, failures: [], keptPaths: [], sentence: null },
}
