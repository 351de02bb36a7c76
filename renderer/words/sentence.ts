import type { Message, WordKey } from '../../core/words/message.ts'

/** A sentence of the window's own. (core's `message` would bring its schema's whole library to the first paint.) */
export function sentence(key: WordKey, params: Message['params'] = {}): Message {
  return { key, params }
}
