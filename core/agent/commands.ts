import path from 'node:path'
import { ignoreError } from '../dropped-errors.ts'
import { LATE, withTimeout } from '../lib/async/timing.ts'
import type { Message } from '../lib/i18n/message.ts'
import { toSentence, UserError } from '../lib/i18n/user-error.ts'
import { getUserName } from '../platform/user-name.ts'
import type { Agent } from './agent.ts'
import { answerCommand, runAction } from './answering.ts'
import { type CommandHandlers, type CommandInput, type Commands, commands } from './contract.ts'
import { alertsHandlers } from './parts/alerts/commands.ts'
import { changesHandlers } from './parts/changes/commands.ts'
import { checksHandlers } from './parts/checks/commands.ts'
import { computersHandlers } from './parts/computers/commands.ts'
import { destinationsHandlers } from './parts/destinations/commands.ts'
import { diagnosticsHandlers } from './parts/diagnostics/commands.ts'
import { disksHandlers } from './parts/disks/commands.ts'
import { eventsHandlers } from './parts/events/commands.ts'
import { expectedHandlers } from './parts/expected/commands.ts'
import { healingHandlers } from './parts/healing/commands.ts'
import { manifestsHandlers } from './parts/manifests/commands.ts'
import { noticesHandlers } from './parts/notices/commands.ts'
import { UNUSED_SETTINGS } from './parts/notices/notices.ts'
import { pauseHandlers } from './parts/pause/commands.ts'
import { proposalsHandlers } from './parts/proposals/commands.ts'
import { receivingHandlers } from './parts/receiving/commands.ts'
import { reportHandlers } from './parts/report/commands.ts'
import { restoreHandlers } from './parts/restore/commands.ts'
import { settingsHandlers } from './parts/settings/commands.ts'
import { addSource, sourcesHandlers } from './parts/sources/commands.ts'
import { webHandlers } from './parts/web/commands.ts'
import { recordCommand } from './recording.ts'
import type { SettingsContext } from './settings-context.ts'
import { getFolderDirectory } from './workers/configs.ts'

/** Time limit for closing everything in an ejected folder. */
const RELEASE_WITHIN_MS = 8_000

/**
 * Returns the handlers of all commands that a view may send. A refusal is thrown as a UserError.
 * @param instead replaces services of workers, for an agent that starts none
 */
export function commandHandlers(agent: Agent, instead: Partial<SettingsContext> = {}): CommandHandlers {
  // A person who changes settings has seen the notice about the earlier settings file.
  const context = {
    ...createContext(agent, () => agent.notices.dismiss(UNUSED_SETTINGS)),
    ...instead,
  }
  return {
    snapshot: async () => agent.store.snapshot(),
    ...sourcesHandlers(agent, context),
    addSource: (input) => runAction(() => protect(agent, context, input)),
    ...checksHandlers(agent, context),
    ...expectedHandlers(agent),
    ...disksHandlers(agent, context),
    ...pauseHandlers(context),
    ...destinationsHandlers(agent, context),
    ...healingHandlers(agent, context),
    ...receivingHandlers(agent, context),
    ...proposalsHandlers(agent, context),
    ...webHandlers(context),
    ...computersHandlers(context),
    ...settingsHandlers(context),
    ...restoreHandlers(agent),
    ...alertsHandlers(agent, context),
    ...changesHandlers(agent),
    ...diagnosticsHandlers(agent),
    ...noticesHandlers(agent),
    ...eventsHandlers(agent, context),
    ...reportHandlers(agent),
    ...manifestsHandlers(agent),
  }
}

/** Runs a command from outside, by its name. */
export async function answerNamed(
  handlers: CommandHandlers,
  command: string,
  input: unknown,
): Promise<unknown> {
  if (!Object.hasOwn(commands, command)) throw new UserError('agent.unknownCommand', { command })
  const name = command as keyof Commands
  return answerCommand(name, commands[name], handlers[name], input)
}

/**
 * Returns the services of an agent for the commands that change settings.
 * @param changed is called after every change.
 */
function createContext(agent: Agent, changed: () => void): SettingsContext {
  const { settings, secrets, layout, host, proposals } = agent
  return {
    ...{ settings, secrets, layout, proposals, computerName: host.computerName },
    change: (update, entered) => {
      agent.change(update, entered)
      changed()
    },
    inspect: (path) => agent.checker.request('inspect', { path }),
    examine: (input) => agent.scanner.request('examine', input),
    test: (input) => agent.senders.request('test', input),
    pair: (input) => agent.senders.request('pair', input),
    knownPoint: (destination) => agent.knownPoint(destination),
    isRestoring: (folder) =>
      agent.restores.isRestoring(folder) ||
      [agent.healing, agent.comparing].some((reader) => reader.isReading(folder.id)),
    release: async (folder) => {
      const closed = Promise.all([
        agent.restores.release(),
        agent.senders.release(folder.id),
        agent.checker
          .request('release', { path: getFolderDirectory(folder) })
          .catch(ignoreError('a checker that has ended has no file open')),
      ])
      return (await withTimeout(RELEASE_WITHIN_MS, closed)) !== LATE
    },
    createLink: () => Promise.reject(new UserError('agent.notRunning', { directory: layout.directory })),
    restart: (destination) => agent.senders.restart(destination),
  }
}

/**
 * Adds a source that is named at every start. It leaves the notice about the settings file in place, because no person
 * has changed settings. A refusal becomes a notice.
 */
export async function protectDirectory(
  agent: Agent,
  input: CommandInput<'addSource'>,
): Promise<Message | null> {
  const context = createContext(agent, () => undefined)
  const recorder = agent.createRecorder({
    via: agent.host.kind === 'desktop' ? 'window' : 'terminal',
    name: getUserName(),
  })
  try {
    await recordCommand(recorder, 'addSource', input, () => protect(agent, context, input))
    return null
  } catch (error) {
    const sentence = toSentence(error)
    // `npm start -- DIR` names the same directory at every start, which is no mistake.
    if (sentence.key === 'refuse.already') return null
    // An incident of that source reports this until a person has chosen.
    if (sentence.key === 'refuse.linkMoved') return null
    agent.notices.add(refusedNotice(input.path), sentence)
    return sentence
  }
}

async function protect(
  agent: Agent,
  context: SettingsContext,
  input: CommandInput<'addSource'>,
): Promise<void> {
  await addSource(context, input)
  agent.notices.dismiss(refusedNotice(input.path))
}

const refusedNotice = (directory: string) => `refused:${path.resolve(directory)}`
