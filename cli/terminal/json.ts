import { english } from '../../core/lib/i18n/dictionaries.ts'
import type { Message } from '../../core/lib/i18n/message.ts'
import { englishWords } from '../../core/lib/i18n/words.ts'

let texts: object | null = null

function isSentence(value: unknown): value is Message {
  if (typeof value !== 'object' || value === null) return false
  const { key, params } = value as { key?: unknown; params?: unknown }
  if (typeof key !== 'string' || typeof params !== 'object' || params === null) return false
  texts ??= english()
  return key in texts || `${key}_other` in texts
}

/**
 * Serializes a value for a program. Each message gets its English sentence as `text` beside `key` and `params`: scripts
 * print the text and compare the key. A message that has its text keeps it.
 *
 * @param indent number of spaces; 0 for one line
 */
export function jsonText(value: unknown, indent = 0): string {
  return JSON.stringify(
    value,
    (_, member) =>
      isSentence(member) && !('text' in member) ? { ...member, text: englishWords(member) } : member,
    indent,
  )
}
