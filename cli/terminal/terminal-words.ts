import { type Message, message, type WordKey } from '../../core/lib/i18n/message.ts'
import { createWords, type Words } from '../../core/lib/i18n/words.ts'
import { quoteControls } from './quote-controls.ts'
import { terminalLanguage } from './terminal-language.ts'

export const language = terminalLanguage(process.env)

/** Translates into the terminal's language without quoting names: for text that is not printed on a terminal. */
export const plainWords: Words = createWords(language)

/** Translates and quotes one line for a terminal: names may come from other computers or files. */
export const terminalWords: Words = (sentence) => {
  const text = quoteControls(plainWords(sentence))
  isWindowNamed ||= LINK_COMMAND.test(text)
  return text
}

/** The command that prints a link to the window. Sentences about the window name it in brackets. */
const LINK_COMMAND = / settings web link[)）]/
let isWindowNamed = false

/** True if a sentence of this process has sent its reader to the window. */
export const hasNamedWindow = (): boolean => isWindowNamed

/** Translates a key into the terminal's language. */
export const translate = (key: WordKey, params: Message['params'] = {}): string =>
  terminalWords(message(key, params))

/** Joins a subject and a sentence: "subject: sentence". */
export const about = (what: string, said: string): string => translate('cli.about', { what, said })

/** Joins names. */
export const named = (names: readonly string[]): string => names.join(translate('window.list.separator'))

/** Joins facts about one thing. */
export const listed = (facts: readonly string[]): string => facts.join(translate('cli.comma'))
