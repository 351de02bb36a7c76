import { english } from '../core/lib/i18n/dictionaries.ts'
import type { Message } from '../core/lib/i18n/message.ts'
import { englishWords } from '../core/lib/i18n/words.ts'

function isSentence(value: unknown): value is Message {
  if (typeof value !== 'object' || value === null) return false
  const { key, params } = value as { key?: unknown; params?: unknown }
  if (typeof key !== 'string' || typeof params !== 'object' || params === null) return false
  return key in english || `${key}_other` in english
}

/**
 * JSON for a program, with the English sentence as `text` beside each message's `key` and `params`: a script shows the
 * one and compares the others.
 *
 * @param indent spaces; 0: one line
 */
export function jsonText(value: unknown, indent = 0): string {
  return JSON.stringify(
    value,
    (_, member) => (isSentence(member) ? { ...member, text: englishWords(member) } : member),
    indent,
  )
}
