import { errorText } from '../../platform/system-error.ts'
import { type Message, message, type WordKey } from './message.ts'
import { englishWords } from './words.ts'

/** An error for users: its message is the English sentence, its `sentence` can be rendered in any language. */
export class UserError extends Error {
  override readonly name = 'UserError'
  readonly sentence: Message

  constructor(key: WordKey, params: Message['params'] = {}, options?: ErrorOptions) {
    const sentence = message(key, params)
    super(englishWords(sentence), options)
    this.sentence = sentence
  }
}

/** Returns the sentence of any error: that of a UserError, otherwise one with the system's message. */
export function toSentence(error: unknown): Message {
  if (error instanceof UserError) return error.sentence
  return message('problem.other', { reason: errorText(error) })
}
