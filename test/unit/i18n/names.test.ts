import { describe, expect, test } from 'vitest'
import { catalog } from '../../../core/alerts/channels/catalog.ts'
import { destinationKinds, getKind } from '../../../core/backends/kinds.ts'
import { languages, textsOf } from '../../../core/lib/i18n/dictionaries.ts'

// The window shows the last part of a key where a built key is in no dictionary (renderer/words/first-word.ts).

describe.each(languages)('names in %s', (language) => {
  const texts: Record<string, string> = textsOf(language, 'window')
  const has = (key: string) => Object.hasOwn(texts, key)

  test('each field of each kind of destination has one', () => {
    const missing = destinationKinds.flatMap((kind) =>
      getKind(kind).fields.flatMap(({ name, isPresented }) =>
        isPresented === true || has(`window.destinations.field.${name}`) ? [] : [`${kind} ${name}`],
      ),
    )
    expect(missing).toEqual([])
  })

  test('each channel and each of its fields has one', () => {
    const missing = Object.entries(catalog).flatMap(([type, { fields }]) => [
      ...(has(`channel.type.${type}`) ? [] : [type]),
      ...fields.flatMap(({ name }) =>
        has(`channel.${type}.${name}`) || has(`channel.field.${name}`) ? [] : [`${type} ${name}`],
      ),
    ])
    expect(missing).toEqual([])
  })
})

test('names of languages: each is in its own language, and no two are the same', () => {
  const names = languages.map((one) => textsOf(one, 'window')['window.settings.languageName'])
  expect(new Set(names).size).toBe(languages.length)
})
