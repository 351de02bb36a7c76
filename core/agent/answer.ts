import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'

/** What whoever has sent a command hears: what it gave, or why it gave nothing. */
export const answerSchema = z.union([
  z.object({ sentence: messageSchema }),
  z.object({ output: z.unknown() }),
])
export type CommandAnswer = z.infer<typeof answerSchema>

/** The input of a command that needs none. */
export const nothing = z.object({})

/** A command that does something: what keeps it from that is thrown. */
export const act = <I extends z.ZodType>(input: I) => ({ input, output: nothing })
