import { createInstance, type i18n } from 'i18next'
import { type Language, languages, type Place, textsOf } from './dictionaries.ts'
import { formats, shellWord } from './formats.ts'
import { type Message, message } from './message.ts'

export { type Language, languages, type Place }

export type Words = (message: Message) => string

/** Returns the command to type: the launcher of a checkout sets `npx holdfast`. The window has no environment. */
export const commandName = (): string =>
  (typeof process === 'undefined' ? undefined : process.env?.HOLDFAST_COMMAND) ?? 'holdfast'

/** Creates an i18next instance with the dictionaries. */
function createDictionary(language: Language, place: Place): i18n {
  const dictionary = createInstance({
    lng: language,
    fallbackLng: 'en',
    keySeparator: false,
    nsSeparator: false,
    initAsync: false,
    // The texts are not HTML; React escapes displayed text.
    interpolation: { escapeValue: false, defaultVariables: { holdfast: commandName() } },
    resources: {
      en: { translation: textsOf('en', place) },
      [language]: { translation: textsOf(language, place) },
    },
  })
  void dictionary.init()
  for (const [name, format] of Object.entries(formats)) {
    dictionary.services.formatter?.add(name, (value, lng) => format(Number(value), lng ?? language))
  }
  // In commands: a name may have spaces and quotation marks.
  dictionary.services.formatter?.add('shell', (value) =>
    value === undefined ? '{{}}' : shellWord(String(value)),
  )
  return dictionary
}

/** Matches a reason with the system's error name, alone or as in Node: "connect ECONNREFUSED 192.0.2.1:22". */
const SYSTEM_ERROR = /^(?:[a-z]+ )?(E[A-Z0-9_]+)(?: \S+)?$/
/** Matches a reason with the system's English message: "ENOENT: no such file or directory, open '/data/a'". */
const ENGLISH_ERROR = /^(E[A-Z0-9_]+): /
/** Matches a name of an error anywhere in a library's text. */
const ERROR_NAME = /\b(E[A-Z0-9_]{2,}|[A-Z]+_[A-Z_]+)\b/
/** Matches the advice of libraries to read their documentation. */
const LIBRARY_ADVICE = /[\s,.;:–-]*\(?(?:for more (?:details|information),? )?see:? https?:\/\/\S+/gi

/** Texts of Node, OpenSSL, ssh2 and nodemailer that come without an error name. */
const LIBRARY_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/certificate has expired/i, 'CERT_HAS_EXPIRED'],
  [/certificate is not yet valid/i, 'CERT_NOT_YET_VALID'],
  [/self[- ]signed certificate/i, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  [/unable to (?:get|verify) .*(?:certificate|issuer)/i, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  [/does not match certificate's altnames/i, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  [/wrong version number|packet length too long|http request\b/i, 'EPROTO'],
  [/timed? ?out|greeting never received/i, 'ETIMEDOUT'],
  [
    /socket (?:hang up|closed)|connection (?:lost|closed|ended)|unexpected(?:ly)? (?:close|socket close)/i,
    'ECONNRESET',
  ],
]

/** Returns the names of errors in a text of the system or of a library, the surest first. */
function findErrorNames(reason: string, language: Language, place: Place): string[] {
  const [, alone] = SYSTEM_ERROR.exec(reason) ?? []
  if (alone !== undefined) return [alone]
  if (place === 'terminal') return language === 'en' ? [] : [ENGLISH_ERROR.exec(reason)?.[1] ?? '']
  const [, known = ''] = LIBRARY_TEXTS.find(([text]) => text.test(reason)) ?? []
  return [ERROR_NAME.exec(reason)?.[1] ?? '', known]
}

/** Cached, because an instance is expensive and every change of state renders messages. */
const made = new Map<string, Words>()

/** Renders messages in one language; system error names are translated, too. */
export function createWords(language: Language, place: Place = 'terminal'): Words {
  const id = `${language} ${place}`
  const words = made.get(id) ?? renderer(createDictionary(language, place), language, place)
  made.set(id, words)
  return words
}

function renderer(dictionary: i18n, language: Language, place: Place): Words {
  const plainReason = (reason: string): string => {
    const errors = findErrorNames(reason, language, place).map((name) => `error.${name}`)
    const error = errors.find((one) => dictionary.exists(one))
    if (error !== undefined) return dictionary.t(error)
    return place === 'window' ? reason.replace(LIBRARY_ADVICE, '') : reason
  }
  return ({ key, params }) => {
    const filled =
      typeof params.reason === 'string' ? { ...params, reason: plainReason(params.reason) } : params
    return dictionary.t(key, filled)
  }
}

/** Renders sentences one after another, with the language's space between them. */
export function joinSentences(all: readonly Message[], words: Words): string {
  return all.map(words).reduce((first, second) => words(message('window.sentences', { first, second })))
}

export const englishWords: Words = (message) => createWords('en')(message)

/** Returns the supported language for a locale name such as "zh_TW.UTF-8" or "en-GB". */
export function nearestLanguage(locale: string): Language {
  const spoken = getSpoken(locale)
  return languages.find((one) => getSpoken(one) === spoken) ?? 'en'
}

const getSpoken = (locale: string) => locale.split(/[-_.]/)[0]?.toLowerCase()
