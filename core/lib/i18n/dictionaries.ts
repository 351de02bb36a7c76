import * as modules from './languages.ts'

export type Language = keyof typeof modules
export const languages = Object.keys(modules) as Language[]

type Texts = Record<string, string>
const byLanguage: Record<Language, { texts(): Texts }> = modules

/** A key of the dictionaries; every displayed sentence has one. Plural forms share their stem. */
export type WordKey = WordStem<keyof ReturnType<typeof modules.en.texts>>
type WordStem<Key extends string> = Key extends `${infer Stem}_one` | `${infer Stem}_other` ? Stem : Key

/**
 * Place where a text is shown. A part of a text in <terminal>…</terminal> or <window>…</window> is shown there only: in
 * the window and in the desktop's notifications a person has buttons, and reasons are plain clauses. All other places
 * (terminal, log, channels) show commands and codes.
 */
export const places = ['terminal', 'window'] as const
export type Place = (typeof places)[number]

const OF_ONE_PLACE = new RegExp(`<(${places.join('|')})>(.*?)</\\1>`, 'g')

/** Returns the texts of a language by their keys, as a place shows them. English has all of them. */
export function textsOf(language: Language, shownAt: Place = 'terminal'): Texts {
  // The object is new at each call. It is changed, as a copy would cost every command some milliseconds.
  const texts = byLanguage[language].texts()
  for (const [key, text] of Object.entries(texts))
    if (text.includes('</'))
      texts[key] = text.replace(OF_ONE_PLACE, (_, place: Place, part: string) =>
        place === shownAt ? part : '',
      )
  return texts
}
export const english = (): Texts => textsOf('en')
