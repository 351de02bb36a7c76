import { z } from 'zod'
import { reportSchema } from '../../../report/report-schema.ts'
import { defineQuery } from '../../answering.ts'

export const reportContract = {
  /**
   * Returns the report of a period, within a minute; and the names of the present and of the last months and weeks, the
   * latest first.
   */
  report: defineQuery({
    input: z.object({
      /** "2026-10", "2026-W41" or "2026-10-05..2026-10-11"; null: the last whole month, or the present one if nothing was recorded before. */
      period: z.string().max(30).nullable(),
      /** An IANA name; null or omitted: that of the agent's computer. */
      zone: z.string().max(100).nullable().optional(),
    }),
    output: z.object({ report: reportSchema, months: z.array(z.string()), weeks: z.array(z.string()) }),
  }),
} as const
