import { type Message, message } from '../../core/lib/i18n/message.ts'

/** Whether what a command threw is the agent's own sentence; else the way to the agent itself has failed. */
export function isSentence(thrown: unknown): thrown is Message {
  return typeof thrown === 'object' && thrown !== null && 'key' in thrown && 'params' in thrown
}

/** What a command threw, as a sentence. */
export function sentenceOfThrown(thrown: unknown): Message {
  if (isSentence(thrown)) return thrown
  return message('problem.other', { reason: thrown instanceof Error ? thrown.message : String(thrown) })
}
