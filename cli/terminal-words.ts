import { type Message, message, type WordKey } from '../core/lib/i18n/message.ts'
import { createWords, type Words } from '../core/lib/i18n/words.ts'
import { quoteControls } from './quote-controls.ts'
import { terminalLanguage } from './terminal-language.ts'

export const language = terminalLanguage(process.env)

/** A sentence in the terminal's language, with its names as they are: for what is no line of a terminal. */
export const plainWords: Words = createWords(language)

/** The same as one line of a terminal: a name in it may be another computer's word, or a file's. */
export const terminalWords: Words = (sentence) => quoteControls(plainWords(sentence))

/** What the terminal's language has for a key. */
export const translate = (key: WordKey, params: Message['params'] = {}): string =>
  terminalWords(message(key, params))

/** "what: said" */
export const about = (what: string, said: string): string => translate('cli.about', { what, said })

/** Names, one after the other. */
export const named = (names: readonly string[]): string => names.join(translate('window.list.separator'))

/** Facts of one thing, one after the other. */
export const listed = (facts: readonly string[]): string => facts.join(translate('cli.comma'))
