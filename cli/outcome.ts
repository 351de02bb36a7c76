import { outcomeSchema } from '../core/agent/outcome.ts'
import type { Message } from '../core/words/message.ts'

/** Why the agent refused a command; null if it was done. */
export function outcomeOf(answer: unknown): Message | null {
  const outcome = outcomeSchema.parse(answer)
  return outcome.done ? null : outcome.sentence
}
