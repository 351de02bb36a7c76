import type { WordKey } from '../../core/lib/i18n/message.ts'
import type { Words } from './context.tsx'

/** For keys that are made of names: the words of the first that the dictionaries have; else its last part as it is. */
export function firstWord(t: Words['t'], ...keys: string[]): string {
  for (const key of keys) {
    const words = t(key as WordKey)
    // A key without words is given back.
    if (words !== key) return words
  }
  return keys.at(-1)?.split('.').at(-1) ?? ''
}
