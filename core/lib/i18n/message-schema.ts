import { z } from 'zod'
import type { Message, WordKey } from './message.ts'

// Separate from `message`, which the window needs for its first paint: zod is large.

export const messageSchema: z.ZodType<Message, Message> = z.object({
  // The key is checked only when the message is rendered, because the dictionaries are large.
  key: z.custom<WordKey>((key) => typeof key === 'string'),
  params: z.record(z.string(), z.union([z.string(), z.number()])),
})
