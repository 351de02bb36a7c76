import { describe, expect, test } from 'vitest'
import { changeableSettingsSchema } from '../../../core/agent/parts/settings/contract.ts'
import { english, textsOf } from '../../../core/lib/i18n/dictionaries.ts'
import { sections } from '../../../core/settings/catalog.ts'
import { receiveSettingsSchema, sourceSchema, webSettingsSchema } from '../../../core/settings/schema.ts'
import {
  findSection,
  settingNames,
  settingsCatalog,
  synonymKey,
} from '../../../renderer/features/settings/catalog.ts'
import { findEntries } from '../../../renderer/features/settings/find.ts'
import { SectionContent } from '../../../renderer/features/settings/settings-page.tsx'
import { firstWords, searchWords } from '../../support/search-words.ts'
import { emptyState } from './fake-state.ts'
import { renderMarkup } from './rendered.tsx'

const languages = ['en', 'zh-TW'] as const

describe.each(languages)('settings search in %s', (language) => {
  test.each(searchWords[language])('"%s" finds %s among the first three', (word, id) => {
    expect(findEntries(word, language).slice(0, 3)).toContain(id)
  })

  test.each(firstWords[language])('"%s" finds %s first', (word, id) => {
    expect(findEntries(word, language)[0]).toBe(id)
  })
})

test('settings search: all words have to match, in any order and case; an empty search finds nothing', () => {
  expect(findEntries('WHOLE folder compared', 'en')).toEqual(['scan.reconcileSeconds'])
  expect(findEntries('folder compared whole', 'en')).toEqual(['scan.reconcileSeconds'])
  expect(findEntries('  ', 'en')).toEqual([])
})

test('settings search: where no entry has all words, those with most of them are found, in Chinese too', () => {
  expect(findEntries('whole compared zebra', 'en')[0]).toBe('scan.reconcileSeconds')
  expect(findEntries('復原斑馬', 'zh-TW')[0]).toBe('restore')
  expect(findEntries('zebra', 'en')).toEqual([])
  expect(findEntries('斑馬', 'zh-TW')).toEqual([])
})

test('settings search: a word inside of others matches only where no word begins with it', () => {
  expect(findEntries('age', 'en')).not.toContain('language')
  expect(findEntries('anguag', 'en')).toContain('language')
})

test('settings search: every setting in the settings file has a name and is found by its key', () => {
  const changeable = Object.entries(changeableSettingsSchema.shape).flatMap(([group, schema]) => {
    const inner = schema.unwrap()
    return 'shape' in inner ? Object.keys(inner.shape).map((name) => `${group}.${name}`) : [group]
  })
  expect(changeable.filter((name) => settingNames[name] === undefined)).toEqual([])
  const notSet = ['id', 'link', 'write']
  const ofSources = Object.keys(sourceSchema.shape).filter((name) => !notSet.includes(name))
  const ofReceiving = Object.keys(receiveSettingsSchema.shape)
  const keys = [...changeable, ...ofSources, ...ofReceiving]
  expect(keys.filter((key) => findEntries(key, 'en').length === 0)).toEqual([])
})

describe.each(languages)('settings page in %s', (language) => {
  const { settings } = emptyState()
  const web = webSettingsSchema.parse({ on: true })
  const webTokens = [
    { id: 't1', name: '1', role: 'viewer' as const, digest: 'a'.repeat(64), createdAt: Date.now() },
  ]
  const state = emptyState({ settings: { ...settings, web, webTokens } })
  const shown = sections.map((section) => ({
    section,
    ...readParts(renderMarkup(<SectionContent section={section} state={state} />, language)),
  }))

  test('every control belongs to a part that the search can show', () =>
    expect(shown.flatMap(({ strayControls }) => strayControls)).toEqual([]))

  test.each(shown)(
    '$section: it has the settings of the catalog that are in this section, and no other',
    ({ section, parts }) => {
      const own = [...settingsCatalog].filter(([id, { getTargets }]) =>
        getTargets(emptyState(), (key) => key).some(({ place }) => place?.id === id),
      )
      const inSection = own.filter(([id]) => findSection(id) === section).map(([id]) => id)
      expect([...parts.keys()].sort()).toEqual(inSection.sort())
    },
  )

  test('every label, hint, unit and value on the page finds its part', () => {
    const texts = shown.flatMap(({ parts }) =>
      [...parts].flatMap(([id, all]) => all.map((text) => ({ id, text }))),
    )
    const missing = texts.filter(({ id, text }) => {
      const found: string[] = findEntries(text, language)
      return !UNSEARCHED.includes(id) && !found.includes(id)
    })
    expect(missing).toEqual([])
  })
})

test('settings search: every entry has search words in both languages', () => {
  const keys = [...settingsCatalog.keys()].map(synonymKey)
  for (const dictionary of [english(), textsOf('zh-TW')] as Record<string, string>[])
    expect(keys.filter((key) => !dictionary[key])).toEqual([])
})

const EMPTY_TAGS = ['input', 'br', 'hr', 'img', 'link', 'meta']
/** Elapsed times, and names of keys and of other pages' actions. */
const UNSEARCHED = ['inside', 'shortcuts']

/** Reads the texts of each part, by its id, and the controls that are in none. Numbers and values are left out. */
function readParts(markup: string) {
  const parts = new Map<string, string[]>()
  const strayControls: string[] = []
  const open: (string | null)[] = []
  const tags = markup.replace(/<style[^>]*>.*?<\/style>/gs, '').matchAll(/<(\/?)(\w+)([^>]*)>([^<]*)/g)
  for (const [tag, end, name = '', attributes = '', text = ''] of tags) {
    if (end === '/') open.pop()
    else {
      const id = /data-setting="([^"]+)"/.exec(attributes)?.[1] ?? open.at(-1) ?? null
      if (id !== null && !parts.has(id)) parts.set(id, [])
      if (id === null && ['input', 'button', 'select', 'textarea'].includes(name)) strayControls.push(tag)
      if (attributes.endsWith('/') || EMPTY_TAGS.includes(name)) addText(id, text)
      else open.push(id)
    }
    const within = open.at(-1) ?? null
    if (end === '/' || !EMPTY_TAGS.includes(name)) addText(within, text)
  }
  return { parts, strayControls }

  function addText(id: string | null, text: string) {
    const words = text
      .replace(/(Default: |預設：).*/, '')
      .replace(/&[#\w]+;/g, ' ')
      .replace(/\S*\d\S*/g, ' ')
      .trim()
    if (id !== null && /\p{L}/u.test(words)) parts.get(id)?.push(words)
  }
}
