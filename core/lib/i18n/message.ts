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

export function message(key: WordKey, params: Message['params'] = {}): Message {
  return { key, params }
}
