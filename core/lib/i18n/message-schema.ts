import { z } from 'zod'
import type { Message, WordKey } from './message.ts'

// Apart from `message`, which the window's first paint needs, too: zod is large.

export const messageSchema: z.ZodType<Message, Message> = z.object({
  // That there is such a sentence is looked up where it is put into words: the dictionaries are large.
  key: z.custom<WordKey>((key) => typeof key === 'string'),
  params: z.record(z.string(), z.union([z.string(), z.number()])),
})
