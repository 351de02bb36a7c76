import { z } from 'zod'
import { defineQuery, nothing } from '../../answering.ts'
import { logLineSchema } from '../../parts/diagnostics/log-lines.ts'

export const diagnosticsContract = {
  /** Returns the newest lines of the log, oldest first, at most 500. */
  log: defineQuery({ input: nothing, output: z.object({ lines: z.array(logLineSchema) }) }),
} as const
