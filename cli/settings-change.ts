import { existsSync } from 'node:fs'
import { sendCommand } from '../core/agent/control-socket.ts'
import { type AppState, stateSnapshotSchema } from '../core/agent/state/schema.ts'
import { lockData } from '../core/settings/data-directory.ts'
import type { Settings } from '../core/settings/schema.ts'
import { openSettings } from '../core/settings/store.ts'
import { Problem } from '../core/words/problem.ts'
import { outcomeOf } from './outcome.ts'

/** A command for the running agent, made of the settings as they are. */
export interface AgentCommand {
  command: string
  input: unknown
}

/**
 * Changes the settings of a data directory: through its agent if one runs, else in the file.
 * @param alone makes the new settings of the old ones; `tryWriting` throws if they could not be written now.
 * @param aloneAfterwards what an agent does besides; here it is done while none can start.
 * @returns the settings as they are then.
 */
export async function changeSettings(
  dataDirectory: string,
  asked: (settings: Settings) => AgentCommand,
  alone: (settings: Settings, tryWriting: () => void) => Settings | Promise<Settings>,
  aloneAfterwards: () => Promise<void> = async () => undefined,
): Promise<Settings> {
  const agent = await runningState(dataDirectory)
  if (agent === null) return changeAlone(dataDirectory, alone, aloneAfterwards)
  if (agent.host === 'once') throw new Problem('agent.sendingOnce', { directory: dataDirectory })
  const running = agent.settings
  const { command, input } = asked(running)
  const refusal = outcomeOf(await sendCommand(dataDirectory, command, input))
  if (refusal !== null) throw new Problem(refusal.key, refusal.params)
  return (await runningState(dataDirectory))?.settings ?? running
}

/**
 * What the agent of a data directory says of itself.
 * @throws Problem agent.notRunning; cli.otherVersion where it is one from before an update, or from after.
 */
export async function askState(dataDirectory: string): Promise<AppState> {
  const answer = stateSnapshotSchema.safeParse(await sendCommand(dataDirectory, 'snapshot', {}))
  if (!answer.success)
    throw new Problem('cli.otherVersion', { directory: dataDirectory }, { cause: answer.error })
  return answer.data.state
}

/** The same; null: none runs. */
export async function runningState(dataDirectory: string): Promise<AppState | null> {
  try {
    return await askState(dataDirectory)
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.sentence.key === 'agent.notRunning') return null
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
 * @throws Problem data.missing, settings.broken
 */
function settingsOfFile(dataDirectory: string): Settings {
  refuseMissing(dataDirectory)
  return openSettings(dataDirectory, 'refuse').get()
}

/** A misspelt directory must not become one that Holdfast has nothing in. */
function refuseMissing(directory: string): void {
  if (!existsSync(directory)) throw new Problem('data.missing', { directory })
}

async function changeAlone(
  dataDirectory: string,
  change: (settings: Settings, tryWriting: () => void) => Settings | Promise<Settings>,
  afterwards: () => Promise<void>,
): Promise<Settings> {
  refuseMissing(dataDirectory)
  const lock = lockData(dataDirectory)
  // It has started just now, and would overwrite what is written here.
  if (lock === null) throw new Problem('agent.starting')
  try {
    const settings = openSettings(dataDirectory, 'refuse')
    const changed = settings.set(await change(settings.get(), settings.tryWriting))
    await afterwards()
    return changed
  } finally {
    lock.release()
  }
}
