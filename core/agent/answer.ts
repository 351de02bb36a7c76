import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'

/** The reply to a command: its output, or the reason for its failure. */
export const answerSchema = z.union([
  z.object({ sentence: messageSchema }),
  z.object({ output: z.unknown() }),
])
export type CommandAnswer = z.infer<typeof answerSchema>

/** The input of a command that takes none. */
export const nothing = z.object({})

/** Declares a command without output. Its handler throws if the command cannot be done. */
export const defineAction = <I extends z.ZodType>(input: I) => ({ input, output: nothing })
