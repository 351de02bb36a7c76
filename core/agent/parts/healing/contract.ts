import { z } from 'zod'
import { samplesSchema } from '../../../settings/destination-schema.ts'
import { defineAction } from '../../answering.ts'
import { idInput } from '../../inputs.ts'

export const healingContract = {
  /**
   * Heals a destination: files that it has damaged or lost get their content from another destination, if
   * their source has it no more. The state shows the result.
   */
  heal: defineAction(
    /** identity: "AGE-SECRET-KEY-1…", which opens the contents of encrypted destinations. It is only kept in memory. */
    idInput.extend({ identity: z.string().max(200).optional() }),
  ),
  /**
   * Starts a round of random samples at a destination, with the limits of a day. The state shows the result; damaged
   * files are sent again or healed.
   */
  prove: defineAction(idInput),
  /** Sets how many random files a destination reads again each day. */
  setSamples: defineAction(idInput.extend({ samples: samplesSchema })),
} as const
