import { dropError } from '../../../core/dropped-errors.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import type { Words } from '../../words/context.tsx'
import { joinSentences } from '../../words/dictionaries.ts'

/**
 * Translates the messages of a sender if this version has their keys and parameters; otherwise returns the sender's text,
 * which has all of them.
 */
export function sayReceived(
  received: Message | null,
  sentence: string,
  { say }: Pick<Words, 'say'>,
  causes: readonly Message[] = [],
): string {
  if (received === null) return sentence
  try {
    const all = [received, ...causes]
    return all.some((one) => say(one) === one.key) ? sentence : joinSentences(all, say)
  } catch (error) {
    return dropError(error, 'a sentence of another version is shown as it came', sentence)
  }
}
