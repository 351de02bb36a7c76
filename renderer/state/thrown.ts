import { type Message, message } from '../../core/lib/i18n/message.ts'

/** True if the error is a sentence of the agent; otherwise the connection to the agent failed. */
export function isSentence(error: unknown): error is Message {
  return typeof error === 'object' && error !== null && 'key' in error && 'params' in error
}

/** Converts an error of a command to a sentence. */
export function sentenceOfThrown(error: unknown): Message {
  if (isSentence(error)) return error
  return message('problem.other', { reason: error instanceof Error ? error.message : String(error) })
}
