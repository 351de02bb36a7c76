import { existsSync } from 'node:fs'
import { sendCommand } from '../core/agent/control-socket.ts'
import { type AppState, stateSnapshotSchema } from '../core/agent/state/schema.ts'
import { dropError } from '../core/dropped-errors.ts'
import { UserError } from '../core/lib/i18n/user-error.ts'
import { defaultSettings, type Settings } from '../core/settings/schema.ts'
import { openSettings } from '../core/settings/settings-store.ts'
import { answerAlone, changeAlone, type SettingsCommand } from './alone.ts'

/**
 * Changes the settings of a data directory: through its agent if one runs, else here. It makes a directory that is not
 * there yet.
 * @param asked the command, made of the settings as they are.
 * @returns the settings as they are then.
 */
export async function changeSettings(
  dataDirectory: string,
  asked: (settings: Settings) => SettingsCommand,
): Promise<Settings> {
  const agent = await runningState(dataDirectory)
  if (agent === null) {
    if (!existsSync(dataDirectory)) refuseUnknown(dataDirectory, asked)
    return changeAlone(dataDirectory, asked)
  }
  if (agent.host === 'once') throw new UserError('agent.sendingOnce', { directory: dataDirectory })
  const { command, input } = asked(agent.settings)
  await sendCommand(dataDirectory, command, input)
  return (await runningState(dataDirectory))?.settings ?? agent.settings
}

/** What a command answers that changes nothing: of the agent if one runs, else here. */
export async function ask(dataDirectory: string, asked: SettingsCommand): Promise<unknown> {
  const isRunning = (await runningState(dataDirectory)) !== null
  return isRunning
    ? sendCommand(dataDirectory, asked.command, asked.input)
    : answerAlone(dataDirectory, asked)
}

/**
 * What the agent of a data directory says of itself.
 * @throws UserError agent.notRunning; cli.otherVersion where it is one from before an update, or from after.
 */
export async function askState(dataDirectory: string): Promise<AppState> {
  const answer = stateSnapshotSchema.safeParse(await sendCommand(dataDirectory, 'snapshot', {}))
  if (!answer.success)
    throw new UserError('cli.otherVersion', { directory: dataDirectory }, { cause: answer.error })
  return answer.data.state
}

/** The same; null: none runs. */
export async function runningState(dataDirectory: string): Promise<AppState | null> {
  try {
    return await askState(dataDirectory)
  } catch (thrown) {
    if (thrown instanceof UserError && thrown.sentence.key === 'agent.notRunning') return null
    throw thrown
  }
}

/** The settings of a data directory: its agent's if one runs, else those of the file. */
export async function settingsNow(dataDirectory: string): Promise<Settings> {
  return settingsIn(await runningState(dataDirectory), dataDirectory)
}

/** The settings that a person has made: those of an agent that sends once are its own. */
export function settingsIn(agent: AppState | null, dataDirectory: string): Settings {
  return agent === null || agent.host === 'once' ? settingsOfFile(dataDirectory) : agent.settings
}

/**
 * A question makes no directory and renames no file.
 * @throws UserError data.missing, settings.broken
 */
function settingsOfFile(dataDirectory: string): Settings {
  refuseMissing(dataDirectory)
  return openSettings(dataDirectory, 'refuse').get()
}

/** A change of something that is there already finds nothing in a new data directory. @throws UserError data.missing */
function refuseUnknown(directory: string, asked: (settings: Settings) => SettingsCommand): void {
  try {
    asked(defaultSettings)
  } catch (error) {
    dropError(error, 'the change is of something that only an existing data directory has')
    refuseMissing(directory)
  }
}

/** A misspelt directory must not become one that Holdfast has nothing in. @throws UserError data.missing */
export function refuseMissing(directory: string): void {
  if (!existsSync(directory)) throw new UserError('data.missing', { directory })
}
