import { createInstance, type i18n } from 'i18next'
import { english, traditionalChinese } from './dictionaries.ts'
import { formats } from './formats.ts'
import type { Message } from './message.ts'

export const languages = ['en', 'zh-TW'] as const
export type Language = (typeof languages)[number]

export type Words = (message: Message) => string

/** Returns the command to type: the launcher of a checkout sets `npx holdfast`. The window has no environment. */
const commandName = (): string =>
  (typeof process === 'undefined' ? undefined : process.env?.HOLDFAST_COMMAND) ?? 'holdfast'

/** Creates an i18next instance with the dictionaries. */
function createDictionary(language: Language): i18n {
  const dictionary = createInstance({
    lng: language,
    fallbackLng: 'en',
    keySeparator: false,
    nsSeparator: false,
    initAsync: false,
    // The texts are not HTML; React escapes displayed text.
    interpolation: { escapeValue: false, defaultVariables: { holdfast: commandName() } },
    resources: { en: { translation: english }, 'zh-TW': { translation: traditionalChinese } },
  })
  void dictionary.init()
  for (const [name, format] of Object.entries(formats)) {
    dictionary.services.formatter?.add(name, (value, lng) => format(Number(value), lng ?? language))
  }
  return dictionary
}

/** Matches a reason with the system's error name, alone or as in Node: "connect ECONNREFUSED 192.0.2.1:22". */
const SYSTEM_ERROR = /^(?:[a-z]+ )?(E[A-Z0-9_]+)(?: \S+)?$/
/** Matches a reason with the system's English message: "ENOENT: no such file or directory, open '/data/a'". */
const ENGLISH_ERROR = /^(E[A-Z0-9_]+): /

/** Cached, because an instance is expensive and every change of state renders messages. */
const made = new Map<Language, Words>()

/** Renders messages in one language; system error names are translated, too. */
export function createWords(language: Language): Words {
  const words = made.get(language) ?? renderer(createDictionary(language), language)
  made.set(language, words)
  return words
}

function renderer(dictionary: i18n, language: Language): Words {
  return ({ key, params }) => {
    const reason = String(params.reason)
    const said = SYSTEM_ERROR.exec(reason) ?? (language === 'en' ? null : ENGLISH_ERROR.exec(reason))
    const error = `error.${said?.[1]}`
    return dictionary.t(key, dictionary.exists(error) ? { ...params, reason: dictionary.t(error) } : params)
  }
}

export const englishWords = createWords('en')

/** Returns the supported language for a locale name such as "zh_TW.UTF-8" or "en-GB". */
export function nearestLanguage(locale: string): Language {
  return /^zh/i.test(locale) ? 'zh-TW' : 'en'
}
