import { openDataDirectory } from '../settings/data-directory.ts'
import { openSettings } from '../settings/store.ts'
import type { Message } from '../words/message.ts'
import { Agent } from './agent.ts'
import { answerCommand, type CommandHandlers, commandHandlers } from './commands.ts'
import { listenForCommands } from './control-socket.ts'
import type { AgentHost } from './host.ts'

export interface OpenAgent {
  agent: Agent
  handlers: CommandHandlers
  /** Adds directories that were named at the start; answers why each refused one was refused. */
  protect(directories: readonly string[], kind?: 'continuous' | 'batch', prefix?: string): Promise<Message[]>
  close(): Promise<void>
}

/**
 * Starts the agent of a data directory for a host: the way that the desktop and the command line share.
 * @throws Problem agent.alreadyRunning if the directory has an agent already
 */
export async function openAgent(dataDirectory: string, host: AgentHost): Promise<OpenAgent> {
  const layout = openDataDirectory(dataDirectory)
  let handlers: CommandHandlers | null = null
  // The socket is the lock: nothing of the directory is touched before it is ours.
  const control = await listenForCommands(dataDirectory, async (command, input) => {
    if (handlers === null) throw new Error('starting')
    return answerCommand(handlers, command, input)
  })
  try {
    const agent = new Agent(layout, openSettings(dataDirectory), host)
    const ready = commandHandlers(agent)
    handlers = ready
    agent.start()
    return {
      agent,
      handlers: ready,
      protect: (directories, kind = 'continuous', prefix = '') => protect(ready, directories, kind, prefix),
      close: async () => {
        control.close()
        await agent.stop()
      },
    }
  } catch (thrown) {
    control.close()
    throw thrown
  }
}

async function protect(
  handlers: CommandHandlers,
  directories: readonly string[],
  kind: 'continuous' | 'batch',
  prefix: string,
): Promise<Message[]> {
  const refusals: Message[] = []
  // One after the other, as each may be inside the one before.
  for (const path of directories) {
    const outcome = await handlers.addSource({ path, kind, prefix })
    // Naming a directory at every start is how `npm start -- DIR` is used: that is no mistake.
    if (!outcome.done && outcome.sentence.key !== 'refuse.already') refusals.push(outcome.sentence)
  }
  return refusals
}
