import type { WordKey } from '../../core/lib/i18n/message.ts'
import type { Words } from './context.tsx'

/** For keys built from names: returns the text of the first key in the dictionaries; else its last part. */
export function firstWord(t: Words['t'], ...keys: string[]): string {
  for (const key of keys) {
    const words = t(key as WordKey)
    // An unknown key is returned unchanged.
    if (words !== key) return words
  }
  return keys.at(-1)?.split('.').at(-1) ?? ''
}
