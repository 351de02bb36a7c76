import { createInstance } from 'i18next'
import { english, traditionalChinese } from './dictionaries.ts'
import type { Message } from './message.ts'

export const languages = ['en', 'zh-TW'] as const
export type Language = (typeof languages)[number]

export type Words = (message: Message) => string

/** Renders messages in one language; a parameter is put in as it is (nothing here is HTML). */
export function createWords(language: Language): Words {
  const i18n = createInstance({
    lng: language,
    fallbackLng: 'en',
    keySeparator: false,
    nsSeparator: false,
    initAsync: false,
    interpolation: { escapeValue: false },
    resources: { en: { translation: english }, 'zh-TW': { translation: traditionalChinese } },
  })
  void i18n.init()
  return ({ key, params }) => i18n.t(key, params)
}

export const englishWords = createWords('en')

/** The supported language that is nearest to a locale name such as "zh_TW.UTF-8" or "en-GB". */
export function nearestLanguage(locale: string): Language {
  return /^zh/i.test(locale) ? 'zh-TW' : 'en'
}
