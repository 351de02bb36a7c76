import { errorText } from '../../platform/system-error.ts'
import { type Message, message, type WordKey } from './message.ts'
import { englishWords } from './words.ts'

/** An error for people: its message is the English sentence, its `sentence` can be put into any language. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly sentence: Message

  constructor(key: WordKey, params: Message['params'] = {}, options?: ErrorOptions) {
    const sentence = message(key, params)
    super(englishWords(sentence), options)
    this.sentence = sentence
  }
}

/** The sentence of any thrown value: its own if it is a Problem, else what the system said. */
export function sentenceOf(thrown: unknown): Message {
  if (thrown instanceof Problem) return thrown.sentence
  return message('problem.other', { reason: errorText(thrown) })
}
