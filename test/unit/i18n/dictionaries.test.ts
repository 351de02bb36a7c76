import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { english, languages, places, textsOf } from '../../../core/lib/i18n/dictionaries.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'

const locales = path.resolve(import.meta.dirname, '../../../assets/locales')
const dictionarySchema = z.record(z.string(), z.string())

function dictionary(language: string, file: string): Record<string, string> {
  return dictionarySchema.parse(JSON.parse(readFileSync(path.join(locales, language, file), 'utf8')))
}

/** Chinese needs one plural form, English two: keys are compared by their stem. */
function stem(key: string): string {
  return key.replace(/_(?:one|other)$/, '')
}

function stems(words: Record<string, string>): string[] {
  return [...new Set(Object.keys(words).map(stem))].sort()
}

/** The names in {{…}} of all forms of a sentence, without their formats. */
function placeholders(words: Record<string, string>, wanted: string): string[] {
  const forms = Object.entries(words).filter(([key]) => stem(key) === wanted)
  const names = forms.flatMap(([, text]) =>
    [...text.matchAll(/\{\{\s*([^,}\s]+)[^}]*\}\}/g)].map((match) => match[1] ?? ''),
  )
  return [...new Set(names)].sort()
}

const files = readdirSync(path.join(locales, 'en')).filter((name) => name.endsWith('.json'))
const translations = languages.filter((one) => one !== 'en')

test('dictionaries: each language has a folder with the same files', () => {
  expect(readdirSync(locales).sort()).toEqual(languages)
  const all = readdirSync(path.join(locales, 'en')).sort()
  for (const one of translations) expect(readdirSync(path.join(locales, one)).sort()).toEqual(all)
})

test('dictionaries: a name in a command is quoted by the format "shell", whatever characters it has', () => {
  const command = /(?:--(?:store|data|adopt|from|computer)|\{\{holdfast\}\}(?: [a-z]+)+)(?: --[a-z]+)? "?/
    .source
  const raw = /\{\{(?:path|name|store|folder|link|directory)\}\}/.source
  const unquoted = new RegExp(`'\\{\\{[^}]*\\}\\}'|${command}${raw}`)
  for (const language of languages)
    for (const file of files)
      for (const [key, text] of Object.entries(dictionary(language, file)))
        expect({ language, key, found: unquoted.exec(text)?.[0] }).toEqual({
          language,
          key,
          found: undefined,
        })
  const words = createWords('en')
  expect(words(message('cli.paths.sendThem', { path: "/srv/Bob's data" }))).toContain(
    "folders accept '/srv/Bob'\\''s data'",
  )
})

describe.each(translations.flatMap((language) => files.map((file) => ({ language, file }))))(
  'dictionary $language/$file',
  ({ language, file }) => {
    const en = dictionary('en', file)
    const translated = dictionary(language, file)

    test('the keys are those of English', () => expect(stems(translated)).toEqual(stems(en)))

    test('the placeholders are those of English', () => {
      for (const key of stems(en))
        expect({ key, in: placeholders(translated, key) }).toEqual({ key, in: placeholders(en, key) })
    })

    test('each English plural has both forms, and each translated plural exists in English', () => {
      for (const key of Object.keys(en)) {
        if (key.endsWith('_one')) expect(en).toHaveProperty([`${stem(key)}_other`])
        if (key.endsWith('_other')) expect(en).toHaveProperty([`${stem(key)}_one`])
      }
      for (const key of Object.keys(translated).filter((name) => name.endsWith('_other'))) {
        expect(en).toHaveProperty([key])
      }
    })

    test('the sentences are not empty and have no exclamation marks', () => {
      for (const [key, text] of [...Object.entries(en), ...Object.entries(translated)]) {
        expect(text.trim(), key).not.toBe('')
        expect(text, key).not.toMatch(/[!！]/)
      }
    })

    test('the parts for one place are closed', () => {
      for (const text of [...Object.values(en), ...Object.values(translated)]) {
        const rest = places.reduce(
          (left, place) => left.replaceAll(new RegExp(`<${place}>[^<]+</${place}>`, 'g'), ''),
          text,
        )
        expect(rest).not.toMatch(/<\/|<[a-z]+>/)
      }
    })

    test('the sentences are in the merged dictionaries, under keys that no other file has', () => {
      const keys = (own: Record<string, string>) => expect.arrayContaining(Object.keys(own))
      expect(Object.keys(english())).toEqual(keys(en))
      expect(Object.keys(textsOf(language))).toEqual(keys(translated))
      const others = files
        .filter((other) => other !== file)
        .flatMap((other) => Object.keys(dictionary('en', other)))
      expect(Object.keys(en).filter((key) => others.includes(key))).toEqual([])
    })
  },
)

test.each([
  ['en', 'ECONNREFUSED', 'connection refused'],
  ['zh-TW', 'ECONNREFUSED', '連線遭拒'],
  ['en', 'connect ECONNREFUSED 192.0.2.1:22', 'connection refused'],
  ['en', 'getaddrinfo ENOTFOUND nas.example', 'no such host name'],
  ['zh-TW', "ENOENT: no such file or directory, open '/data/a'", '沒有此檔案或資料夾'],
  ['en', "EACCES: permission denied, open '/data/a'", "EACCES: permission denied, open '/data/a'"],
  ['en', 'EWHATEVER', 'EWHATEVER'],
  ['en', 'the server said no', 'the server said no'],
] as const)('error reasons: in %s, "%s" is written as "%s"', (language, reason, said) => {
  const words = createWords(language)(
    message('transfer.unreachable', { name: 'nas', address: 'a:1', reason }),
  )
  expect(words).toContain(`nas`)
  expect(words).toMatch(new RegExp(`[:：] ?${said}[.。]`))
})
