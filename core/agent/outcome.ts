import { z } from 'zod'
import { messageSchema } from '../words/message-schema.ts'

/** What a command answers that can be refused: a sentence says why. */
export const outcomeSchema = z.discriminatedUnion('done', [
  z.object({ done: z.literal(true) }),
  z.object({ done: z.literal(false), sentence: messageSchema }),
])
export type Outcome = z.infer<typeof outcomeSchema>
export const DONE: Outcome = { done: true }

/** What whoever has sent a command hears: what it gave, or why it gave nothing. */
export const answerSchema = z.union([
  z.object({ sentence: messageSchema }),
  z.object({ output: z.unknown() }),
])
export type Answer = z.infer<typeof answerSchema>

/** The input of a command that needs none. */
export const nothing = z.object({})

/** A command that does something: it can be refused. */
export const act = <I extends z.ZodType>(input: I) => ({ input, output: outcomeSchema })
