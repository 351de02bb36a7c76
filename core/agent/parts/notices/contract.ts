import { z } from 'zod'
import { defineAction } from '../../answering.ts'

export const noticesContract = {
  dismissNotice: defineAction(z.object({ id: z.string() })),
} as const
