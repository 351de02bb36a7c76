import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { english, traditionalChinese } from '../../../core/lib/i18n/dictionaries.ts'
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

const files = readdirSync(path.join(locales, 'en')).sort()

test('dictionaries: both languages have the same files', () => {
  expect(readdirSync(path.join(locales, 'zh-TW')).sort()).toEqual(files)
})

describe.each(files)('dictionary %s', (file) => {
  const en = dictionary('en', file)
  const zh = dictionary('zh-TW', file)

  test('the keys are the same in both languages', () => expect(stems(zh)).toEqual(stems(en)))

  test('the placeholders are the same in both languages', () => {
    for (const key of stems(en))
      expect({ key, in: placeholders(zh, key) }).toEqual({ key, in: placeholders(en, key) })
  })

  test('each English plural has both forms, and each Chinese plural exists in English', () => {
    for (const key of Object.keys(en)) {
      if (key.endsWith('_one')) expect(en).toHaveProperty([`${stem(key)}_other`])
      if (key.endsWith('_other')) expect(en).toHaveProperty([`${stem(key)}_one`])
    }
    for (const key of Object.keys(zh).filter((name) => name.endsWith('_other'))) {
      expect(en).toHaveProperty([key])
    }
  })

  test('the sentences are not empty and have no exclamation marks', () => {
    for (const [key, text] of [...Object.entries(en), ...Object.entries(zh)]) {
      expect(text.trim(), key).not.toBe('')
      expect(text, key).not.toMatch(/[!！]/)
    }
  })

  test('the sentences are in the merged dictionaries, under keys that no other file has', () => {
    expect(english()).toMatchObject(en)
    expect(traditionalChinese()).toMatchObject(zh)
    const others = files
      .filter((other) => other !== file)
      .flatMap((other) => Object.keys(dictionary('en', other)))
    expect(Object.keys(en).filter((key) => others.includes(key))).toEqual([])
  })
})

test.each([
  ['en', 'ECONNREFUSED', 'connection refused'],
  ['zh-TW', 'ECONNREFUSED', '連線遭拒'],
  ['en', 'connect ECONNREFUSED 192.0.2.1:22', 'connection refused'],
  ['en', 'getaddrinfo ENOTFOUND nas.example', 'no such host name'],
  ['zh-TW', "ENOENT: no such file or directory, open '/data/a'", '沒有此檔案或目錄'],
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
