import { setTimeout as delay } from 'node:timers/promises'
import { logDroppedErrors } from '../dropped-errors.ts'
import type { Message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { createDataDirectory, type DataLayout, lockData } from '../settings/data-directory.ts'
import { type Settings, settingsSchema } from '../settings/schema.ts'
import { openSettings, type SettingsStore } from '../settings/settings-store.ts'
import { Agent } from './agent.ts'
import { answerNamed, commandHandlers, protectDirectory } from './commands.ts'
import type { CommandHandlers, CommandInput } from './contract.ts'
import { listenForCommands } from './control-socket.ts'
import { type Log, openLog } from './log.ts'
import type { Actor } from './parts/changes/contract.ts'
import { recordCommands } from './recording.ts'
import type { AgentHost } from './services.ts'
import { WebPage } from './web/serve.ts'
import { checkDescriptors, checkThreads } from './workers/enough-threads.ts'

/** Options for directories that are named at a start; omitted: an existing source keeps its own. */
export type StartOptions = Omit<CommandInput<'addSource'>, 'path'>

/** How an agent differs that runs for one purpose; see cli/receive/receive-host.ts. */
export interface OpenOptions {
  /** Files that are not in the data directory. */
  elsewhere?: Partial<DataLayout>
  /** Called with the settings before they are in force. */
  prepare?(settings: SettingsStore): void
  /** Replaces the log in the data directory. */
  log?: Log
  /** The host has sized the pool of this process, in which the work is done. */
  inOneProcess?: boolean
}

/** Maximum wait for the last lines of the log, in milliseconds. */
const LOG_MS = 2_000

export interface OpenAgent {
  agent: Agent
  /** Returns the handlers of the commands of a person, which are recorded. */
  createHandlers(by: Actor): CommandHandlers
  /** Adds directories that were named at a start. A refusal becomes a notice and is returned. */
  protect(directories: readonly string[], as?: StartOptions): Promise<Message[]>
  /**
   * Stops the agent. Resolves within some seconds: false if a hung disk blocks the last writes. The process then keeps
   * its lock until it ends.
   */
  close(): Promise<boolean>
}

/**
 * Starts the agent of a data directory for a host; the desktop and the command line share it. A one-shot run starts
 * without the settings' sources, saves no changes, and takes no commands but `snapshot`.
 * @throws UserError agent.alreadyRunning if the directory already has an agent, data.cannotMake if it cannot be used,
 *   agent.fewThreadsGroup or agent.fewThreadsUser if the system allows too few threads,
 *   agent.fewDescriptors if it allows too few open files
 */
export async function openAgent(
  dataDirectory: string,
  host: AgentHost,
  options: OpenOptions = {},
): Promise<OpenAgent> {
  const onlyThisRun = host.kind === 'once'
  checkDescriptors()
  const smaller = options.inOneProcess ? null : checkThreads()
  const layout = { ...createDataDirectory(dataDirectory), ...options.elsewhere }
  // The lock comes first: without it the directory must not be changed.
  const lock = lockData(dataDirectory)
  if (lock === null) throw new UserError('agent.alreadyRunning', { directory: dataDirectory })
  const log = options.log ?? openLog(layout.logs)
  logDroppedErrors(log.write)
  if (smaller !== null) log.write('warn', smaller)
  const opened = [lock.release]
  const release = () => {
    for (const close of opened) close()
  }
  let createHandlers: OpenAgent['createHandlers'] | null = null
  const answer = async (command: string, input: unknown, by: Actor) => {
    // Changes would be lost after a one-shot run, although the reply would report success.
    if (onlyThisRun && command !== 'snapshot')
      throw new UserError('agent.sendingOnce', { directory: dataDirectory })
    if (createHandlers === null) throw new UserError('agent.starting')
    return answerNamed(createHandlers(by), command, input)
  }
  try {
    const control = await listenForCommands(dataDirectory, (command, input, name) =>
      answer(command, input, { via: 'terminal', name }),
    )
    opened.unshift(control.close)
    // A one-shot run ends too soon to report that it set the file aside.
    const settings = openSettings(dataDirectory, onlyThisRun ? 'refuse' : 'set-aside')
    options.prepare?.(settings)
    const agent = new Agent(layout, onlyThisRun ? createUnsavedSettings(settings) : settings, host, log.write)
    const handlers = commandHandlers(agent, {
      createLink: () => web?.createLink() ?? Promise.reject(new UserError('agent.starting')),
    })
    const ready = (by: Actor) => recordCommands(handlers, agent.createRecorder(by))
    createHandlers = ready
    agent.start()
    const web: WebPage | null = onlyThisRun
      ? null
      : new WebPage(agent, (command, input, name) => answer(command, input, { via: 'page', name }))
    return {
      agent,
      createHandlers: ready,
      protect: (directories, as = {}) => protect(agent, directories, as),
      close: async () => {
        const [isSaved] = await Promise.all([agent.stop(), web?.stop()])
        const isLogged = await Promise.race([
          log.written().then(() => true),
          delay(LOG_MS, false, { ref: false }),
        ])
        if (isSaved && isLogged) release()
        return isSaved && isLogged
      },
    }
  } catch (error) {
    release()
    throw error
  }
}

function createUnsavedSettings(settings: SettingsStore): SettingsStore {
  let current: Settings = { ...settings.get(), sources: [], checkedPaths: [], pause: null }
  return {
    file: settings.file,
    notice: settings.notice,
    get: () => current,
    set: (next) => {
      current = settingsSchema.parse(next)
      return current
    },
    tryWriting: () => undefined,
  }
}

async function protect(agent: Agent, directories: readonly string[], as: StartOptions): Promise<Message[]> {
  const refusals: Message[] = []
  // In sequence, because each may be inside the one before.
  for (const path of directories) {
    const refusal = await protectDirectory(agent, { path, ...as })
    if (refusal !== null) refusals.push(refusal)
  }
  return refusals
}
