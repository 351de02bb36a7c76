import { dropError } from '../../../core/dropped-errors.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import type { Words } from '../../words/context.tsx'

/** Translates a message of a sender if this version has its key and parameters; otherwise returns the sender's text. */
export function sayReceived(received: Message | null, sentence: string, { say }: Pick<Words, 'say'>): string {
  if (received === null) return sentence
  try {
    const said = say(received)
    return said === received.key ? sentence : said
  } catch (error) {
    return dropError(error, 'a sentence of another version is shown as it came', sentence)
  }
}
