import type { WordKey } from './dictionaries.ts'

export type { WordKey }

/**
 * A sentence before it is rendered: window, log, notification and command line render the same message, so that their
 * texts agree.
 */
export interface Message {
  key: WordKey
  params: Record<string, string | number>
}

export function message(key: WordKey, params: Message['params'] = {}): Message {
  return { key, params }
}
