import { z } from 'zod'
import { expectedDraft, expectedQuery, scannerDefinition } from '../../../scan/scanner-messages.ts'
import { defineQuery, defineTrial } from '../../answering.ts'

export const expectedContract = {
  /** Returns the expected files of a source that were due within this time, the newest first, and counts all. */
  expected: defineQuery({
    input: z.object({ id: z.string(), ...expectedQuery }),
    output: scannerDefinition.requests.expected.output,
  }),
  /**
   * Completes a rule for expected files of a source, by the example of a file if its pattern is one, and compares it with
   * the last files that the source had.
   */
  previewExpected: defineTrial({
    input: z.object({ id: z.string(), ...expectedDraft }),
    output: scannerDefinition.requests.previewExpected.output,
  }),
} as const
