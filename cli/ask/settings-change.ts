import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { type AppState, stateSnapshotSchema } from '../../core/agent/state/schema.ts'
import { dropError } from '../../core/dropped-errors.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { defaultSettings, type ShownSettings } from '../../core/settings/schema.ts'
import { openSettings } from '../../core/settings/settings-store.ts'
import { refuseMissing } from './data-directory.ts'
import type { AskedCommand } from './own-agent.ts'

/** How long a change waits for another command's, or for the start of an agent. */
const TURN_WITHIN_MS = 5_000
/** How long a command waits for the agent to do what it has set, in milliseconds. */
const DONE_WITHIN_MS = 5_000
const LOOK_EVERY_MS = 50

/**
 * Changes the settings of a data directory, through its agent if one runs. Creates the directory if necessary.
 * @param asked builds the command from the present settings.
 * @returns the settings afterwards.
 */
export async function changeSettings(
  dataDirectory: string,
  asked: (settings: ShownSettings) => AskedCommand,
): Promise<ShownSettings> {
  return (await askForChange(dataDirectory, asked)).settings
}

/** As `changeSettings`, for a command with an output. */
export async function askForChange(
  dataDirectory: string,
  asked: (settings: ShownSettings) => AskedCommand,
): Promise<{ settings: ShownSettings; output: unknown }> {
  const late = performance.now() + TURN_WITHIN_MS
  let agent = await stateOrNull(dataDirectory)
  while (agent === null) {
    if (!existsSync(dataDirectory)) refuseUnknown(dataDirectory, asked)
    const { changeByOwnAgent } = await import('./own-agent.ts')
    const changed = await changeByOwnAgent(dataDirectory, asked)
    if (changed !== null) return changed
    if (performance.now() > late) throw new UserError('agent.busy', { directory: dataDirectory })
    await delay(LOOK_EVERY_MS)
    agent = await stateOrNull(dataDirectory)
  }
  if (agent.host === 'once') throw new UserError('agent.sendingOnce', { directory: dataDirectory })
  const { command, input } = asked(agent.settings)
  const output = await sendCommand(dataDirectory, command, input)
  return { settings: (await runningState(dataDirectory))?.settings ?? agent.settings, output }
}

/** Runs a command that changes nothing, through the agent if one runs. */
export async function ask(dataDirectory: string, asked: AskedCommand): Promise<unknown> {
  const isRunning = (await runningState(dataDirectory)) !== null
  if (isRunning) return sendCommand(dataDirectory, asked.command, asked.input)
  const { askOwnAgent } = await import('./own-agent.ts')
  return askOwnAgent(dataDirectory, asked)
}

/**
 * Returns the state of a data directory's agent.
 * @throws UserError agent.notRunning; cli.otherVersion if the agent's version differs and its state cannot be read.
 */
export async function askState(dataDirectory: string): Promise<AppState> {
  const answer = stateSnapshotSchema.safeParse(await sendCommand(dataDirectory, 'snapshot', {}))
  if (!answer.success)
    throw new UserError('cli.otherVersion', { directory: dataDirectory }, { cause: answer.error })
  return answer.data.state
}

/** As `askState`, but null if no agent runs, or only one that sends once: it has its own settings, and stores no failures. */
export async function runningState(dataDirectory: string): Promise<AppState | null> {
  const state = await stateOrNull(dataDirectory)
  return state?.host === 'once' ? null : state
}

/** Returns the state of a running agent once `isDone`, or the present one when that takes too long; null: no agent runs. */
export async function awaitState(
  dataDirectory: string,
  isDone: (state: AppState) => boolean,
): Promise<AppState | null> {
  const late = performance.now() + DONE_WITHIN_MS
  for (;;) {
    const state = await runningState(dataDirectory)
    if (state === null || isDone(state) || performance.now() > late) return state
    await delay(LOOK_EVERY_MS)
  }
}

async function stateOrNull(dataDirectory: string): Promise<AppState | null> {
  try {
    return await askState(dataDirectory)
  } catch (thrown) {
    if (thrown instanceof UserError && thrown.sentence.key === 'agent.notRunning') return null
    throw thrown
  }
}

/** Returns the settings of a data directory: the running agent's, else the file's. */
export async function settingsNow(dataDirectory: string): Promise<ShownSettings> {
  return settingsIn(await runningState(dataDirectory), dataDirectory)
}

/** Returns the settings of an agent that runs, else those of the file. */
export function settingsIn(agent: AppState | null, dataDirectory: string): ShownSettings {
  return agent?.settings ?? settingsOfFile(dataDirectory)
}

/**
 * Reads the settings file; never creates a directory or renames a broken file.
 * @throws UserError data.missing, settings.broken
 */
function settingsOfFile(dataDirectory: string): ShownSettings {
  refuseMissing(dataDirectory)
  return openSettings(dataDirectory, 'refuse').get()
}

/** Refuses a change of something existing in a new data directory. @throws UserError data.missing */
function refuseUnknown(directory: string, asked: (settings: ShownSettings) => AskedCommand): void {
  try {
    asked(defaultSettings)
  } catch (error) {
    dropError(error, 'the change is of something that only an existing data folder has')
    refuseMissing(directory)
  }
}
