import type { z } from 'zod'
import type { CommandInput, CommandOutput, Commands } from '../../core/agent/contract.ts'
import { commands } from '../../core/agent/contract.ts'
import { sendCommand } from '../../core/agent/control-socket.ts'

/** Asks the agent of a data directory, as a view does. */
export const answerOf =
  (data: string) =>
  async <C extends keyof Commands>(command: C, input: CommandInput<C>): Promise<CommandOutput<C>> => {
    const schema: z.ZodType = commands[command].output
    return schema.parse(await sendCommand(data, command, input)) as CommandOutput<C>
  }
