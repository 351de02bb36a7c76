import { z } from 'zod'
import { expectedQuery, scannerDefinition } from '../../../scan/scanner-messages.ts'
import { defineQuery } from '../../answering.ts'

export const expectedContract = {
  /** Returns the expected files of a source that were due within this time, the newest first, and counts all. */
  expected: defineQuery({
    input: z.object({ id: z.string(), ...expectedQuery }),
    output: scannerDefinition.requests.expected.output,
  }),
} as const
