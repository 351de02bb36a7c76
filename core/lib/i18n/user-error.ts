import { errorText } from '../../platform/system-error.ts'
import { type Message, message, type WordKey } from './message.ts'
import { englishWords } from './words.ts'

/** An error for people: its message is the English sentence, its `sentence` can be put into any language. */
export class UserError extends Error {
  override readonly name = 'UserError'
  readonly sentence: Message

  constructor(key: WordKey, params: Message['params'] = {}, options?: ErrorOptions) {
    const sentence = message(key, params)
    super(englishWords(sentence), options)
    this.sentence = sentence
  }
}

/** The sentence of any thrown value: its own if it is a UserError, else what the system said. */
export function sentenceOf(error: unknown): Message {
  if (error instanceof UserError) return error.sentence
  return message('problem.other', { reason: errorText(error) })
}
