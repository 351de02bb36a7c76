import { z } from 'zod'
import { certificateSchema } from '../../../settings/destination-schema.ts'
import { defineAction } from '../../answering.ts'
import { idInput } from '../../inputs.ts'

export const computersContract = {
  /**
   * Watches another computer by its web page, after a test. One with the same address is replaced. Without the right
   * `certificate`, the refusal (s3.untrusted) has the fingerprint to confirm. name: default: its own.
   */
  addComputer: defineAction(
    z.object({
      address: z.string().min(1).max(300),
      token: z.string().min(1).max(200),
      name: z.string().min(1).max(200).optional(),
      certificate: certificateSchema,
    }),
  ),
  /** Stops watching it, by its id or name, and forgets its token. */
  removeComputer: defineAction(idInput),
} as const
