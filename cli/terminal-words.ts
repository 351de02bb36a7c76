import type { Message } from '../core/words/message.ts'
import { createWords, englishWords, type Language, type Words } from '../core/words/words.ts'
import { quoteControls } from './quote-controls.ts'

/** A sentence as one line of a terminal: a name in it may be another computer's word, or a file's. */
export const terminalWords = (sentence: Message): string => quoteControls(englishWords(sentence))

/** The same in a language of the terminal's. */
export function terminalWordsIn(language: Language): Words {
  const words = createWords(language)
  return (sentence) => quoteControls(words(sentence))
}
