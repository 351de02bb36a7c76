import { existsSync } from 'node:fs'
import { sendCommand } from '../core/agent/control-socket.ts'
import { type AppState, stateSnapshotSchema } from '../core/agent/state/schema.ts'
import { dropError } from '../core/dropped-errors.ts'
import { UserError } from '../core/lib/i18n/user-error.ts'
import { defaultSettings, type ShownSettings } from '../core/settings/schema.ts'
import { openSettings } from '../core/settings/settings-store.ts'
import type { SettingsCommand } from './alone.ts'

/**
 * Changes the settings of a data directory, through its agent if one runs. Creates the directory if necessary.
 * @param asked builds the command from the present settings.
 * @returns the settings afterwards.
 */
export async function changeSettings(
  dataDirectory: string,
  asked: (settings: ShownSettings) => SettingsCommand,
): Promise<ShownSettings> {
  return (await askForChange(dataDirectory, asked)).settings
}

/** As `changeSettings`, for a command with an output. */
export async function askForChange(
  dataDirectory: string,
  asked: (settings: ShownSettings) => SettingsCommand,
): Promise<{ settings: ShownSettings; output: unknown }> {
  const agent = await runningState(dataDirectory)
  if (agent === null) {
    if (!existsSync(dataDirectory)) refuseUnknown(dataDirectory, asked)
    const { changeAlone } = await import('./alone.ts')
    return changeAlone(dataDirectory, asked)
  }
  if (agent.host === 'once') throw new UserError('agent.sendingOnce', { directory: dataDirectory })
  const { command, input } = asked(agent.settings)
  const output = await sendCommand(dataDirectory, command, input)
  return { settings: (await runningState(dataDirectory))?.settings ?? agent.settings, output }
}

/** Runs a command that changes nothing, through the agent if one runs. */
export async function ask(dataDirectory: string, asked: SettingsCommand): Promise<unknown> {
  const isRunning = (await runningState(dataDirectory)) !== null
  if (isRunning) return sendCommand(dataDirectory, asked.command, asked.input)
  const { answerAlone } = await import('./alone.ts')
  return answerAlone(dataDirectory, asked)
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

/** As `askState`, but null if no agent runs. */
export async function runningState(dataDirectory: string): Promise<AppState | null> {
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

/** Returns the user's settings: a one-shot agent has its own, so the file's are used. */
export function settingsIn(agent: AppState | null, dataDirectory: string): ShownSettings {
  return agent === null || agent.host === 'once' ? settingsOfFile(dataDirectory) : agent.settings
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
function refuseUnknown(directory: string, asked: (settings: ShownSettings) => SettingsCommand): void {
  try {
    asked(defaultSettings)
  } catch (error) {
    dropError(error, 'the change is of something that only an existing data directory has')
    refuseMissing(directory)
  }
}

/** A mistyped directory must not be created as an empty one. @throws UserError data.missing */
export function refuseMissing(directory: string): void {
  if (!existsSync(directory)) throw new UserError('data.missing', { directory })
}
