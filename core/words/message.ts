import { z } from 'zod'
import type { WordKey } from './dictionaries.ts'

export type { WordKey }

/**
 * A sentence before it is put into words: the window, the log, the notification and the command line all
 * render the same message, so they say the same thing.
 */
export interface Message {
  key: WordKey
  params: Record<string, string | number>
}

export const messageSchema: z.ZodType<Message, Message> = z.object({
  // That there is such a sentence is looked up where it is put into words: the dictionaries are large.
  key: z.custom<WordKey>((key) => typeof key === 'string'),
  params: z.record(z.string(), z.union([z.string(), z.number()])),
})

export function message(key: WordKey, params: Message['params'] = {}): Message {
  return { key, params }
}
