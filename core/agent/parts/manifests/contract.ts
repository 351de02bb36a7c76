import { z } from 'zod'
import { manifestForms } from '../../../platform/fixity-kinds.ts'
import { defineQuery } from '../../answering.ts'

/** A manifest that is wanted: see core/fixity. */
export const manifestFields = z.object({
  /** The source. */
  id: z.string(),
  form: z.enum(manifestForms),
  /** The files are durable at this destination; null or omitted: at all of the source's own. */
  destination: z.string().nullable().optional(),
  /** Address of the licence of the files, for ro-crate; null or omitted: not stated. */
  license: z.url().max(1000).nullable().optional(),
})
export const madeSchema = z.object({
  files: z.number(),
  bytes: z.number(),
  /** Durable files that are not listed: without a recorded digest, or damaged. */
  leftOut: z.number(),
  /** The left out files whose copy at a destination was found damaged or missing, and has not been repaired. */
  damaged: z.number(),
  /** Files that are not durable yet, which are not listed. */
  notDurable: z.number(),
})

export const manifestsContract = {
  /**
   * Returns a manifest of a source's durable files as text, by the digests that were recorded when they were sent; see
   * core/fixity. One that is longer than 32 MiB is refused.
   */
  manifest: defineQuery({
    input: manifestFields,
    output: madeSchema.extend({ texts: z.array(z.object({ name: z.string(), text: z.string() })) }),
  }),
} as const
