import { type Message, message } from '../../core/lib/i18n/message.ts'

/** Whether what a command threw is the agent's own sentence; else the way to the agent itself has failed. */
export function isSentence(error: unknown): error is Message {
  return typeof error === 'object' && error !== null && 'key' in error && 'params' in error
}

/** What a command threw, as a sentence. */
export function sentenceOfThrown(error: unknown): Message {
  if (isSentence(error)) return error
  return message('problem.other', { reason: error instanceof Error ? error.message : String(error) })
}
