import { z } from 'zod'
import { LONGEST_PAUSE_MINUTES } from '../../../settings/bounds.ts'
import { defineAction, nothing } from '../../answering.ts'

export const pauseContract = {
  /** Pauses all sending for some minutes, or until resumed (null). */
  pause: defineAction(
    z.object({
      minutes: z.number().positive().max(LONGEST_PAUSE_MINUTES).nullable(),
    }),
  ),
  resume: defineAction(nothing),
} as const
