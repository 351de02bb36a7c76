import { describe, expect, it } from 'vitest'
import english from '../../../assets/locales/en/check.json' with { type: 'json' }
import chinese from '../../../assets/locales/zh-TW/check.json' with { type: 'json' }

const placeholders = (text: string) => (text.match(/\{\{[^}]*\}\}/g) ?? []).sort()

describe('checker messages', () => {
  it('have the same keys and placeholders in every language', () => {
    expect(Object.keys(chinese).sort()).toEqual(Object.keys(english).sort())
    for (const [key, text] of Object.entries(english)) {
      expect(key.startsWith('check.')).toBe(true)
      expect(placeholders(chinese[key as keyof typeof english]), key).toEqual(placeholders(text))
    }
  })
})
