import type { z } from 'zod'
import { nothing } from '../../../core/agent/answering.ts'
import {
  type CommandInput,
  type CommandOutput,
  type Commands,
  commands,
} from '../../../core/agent/contract.ts'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { UserError } from '../../../core/lib/i18n/user-error.ts'

/** What became of a command that only does something. */
export type Outcome = { done: true } | { done: false; sentence: Message }
type Answered<C extends keyof Commands> =
  CommandOutput<C> extends Record<string, never> ? Outcome : CommandOutput<C>

/** Asks the agent of a data directory, as a view does. */
export const askAgent =
  (data: string) =>
  async <C extends keyof Commands>(command: C, input: CommandInput<C>): Promise<Answered<C>> => {
    const schema: z.ZodType = commands[command].output
    const answer = sendCommand(data, command, input).then((output) => schema.parse(output))
    return (await (schema === nothing ? toOutcome(answer) : answer)) as Answered<C>
  }

/** A refusal, which is thrown, as what became of the command. */
export async function toOutcome(answer: Promise<unknown>): Promise<Outcome> {
  try {
    await answer
    return { done: true }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return { done: false, sentence: error.sentence }
  }
}
