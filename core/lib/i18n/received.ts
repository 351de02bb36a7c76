import { dropError } from '../../dropped-errors.ts'
import { type Message, message } from './message.ts'
import { englishWords, joinSentences, type Words } from './words.ts'

/** A sentence of another computer, whose version of Holdfast may be another one. */
export interface Received {
  /** In English, with its causes. */
  sentence: string
  /** The same as messages, for translation into the reader's language. */
  words?: Message | null | undefined
  causes?: readonly Message[] | undefined
}

/** Returns the messages of another computer if this version can render all of them; otherwise its text alone. */
export function readReceived({ sentence, words, causes = [] }: Received) {
  const asItCame = { sentence: message('computer.text', { text: sentence }), causes: [] }
  if (words == null) return asItCame
  try {
    return [words, ...causes].every(isKnown) ? { sentence: words, causes: [...causes] } : asItCame
  } catch (error) {
    return dropError(error, 'a sentence of another version is shown as it came', asItCame)
  }
}

/** True if this version has its key and its parameters. Sentences about another computer nest its key as `said`. */
function isKnown(received: Message): boolean {
  const text = englishWords(received)
  return text !== received.key && !text.includes('{{') && !('said' in received.params)
}

/** Renders a sentence of another computer, and its causes, in the reader's language where that is possible. */
export function renderReceived(received: Received, words: Words): string {
  const { sentence, causes } = readReceived(received)
  return joinSentences([sentence, ...causes], words)
}
