import { existsSync } from 'node:fs'
import { sendCommand } from '../core/agent/control-socket.ts'
import { stateSnapshotSchema } from '../core/agent/state-schema.ts'
import type { Settings } from '../core/settings/schema.ts'
import { openSettings } from '../core/settings/store.ts'
import { Problem } from '../core/words/problem.ts'
import { lockDirectory } from '../core/worker/directory-lock.ts'
import { outcomeOf } from './outcome.ts'

/** A command for the running agent, made of the settings as they are. */
export interface AgentCommand {
  command: string
  input: unknown
}

/**
 * Changes the settings of a data directory: through its agent if one runs, else in the file.
 * @returns the settings as they are then.
 */
export async function changeSettings(
  dataDirectory: string,
  asked: (settings: Settings) => AgentCommand,
  alone: (settings: Settings) => Settings | Promise<Settings>,
): Promise<Settings> {
  const running = await runningSettings(dataDirectory)
  if (running === null) return changeAlone(dataDirectory, alone)
  const { command, input } = asked(running)
  const refusal = outcomeOf(await sendCommand(dataDirectory, command, input))
  if (refusal !== null) throw new Problem(refusal.key, refusal.params)
  return (await runningSettings(dataDirectory)) ?? running
}

/** The settings that the agent of a data directory has; null: none runs. */
export async function runningSettings(dataDirectory: string): Promise<Settings | null> {
  try {
    const answer = await sendCommand(dataDirectory, 'snapshot', {})
    return stateSnapshotSchema.parse(answer).state.settings
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.sentence.key === 'agent.notRunning') return null
    throw thrown
  }
}

/** The settings of a data directory: its agent's if one runs, else those of the file. */
export async function settingsNow(dataDirectory: string): Promise<Settings> {
  const running = await runningSettings(dataDirectory)
  return running ?? settingsOfFile(dataDirectory)
}

/**
 * The settings of a data directory in which no agent runs. A question makes no directory and renames no file.
 * @throws Problem data.missing, settings.broken
 */
export function settingsOfFile(dataDirectory: string): Settings {
  refuseMissing(dataDirectory)
  return openSettings(dataDirectory, 'refuse').get()
}

/** A misspelt directory must not become one that Holdfast has nothing in. */
function refuseMissing(directory: string): void {
  if (!existsSync(directory)) throw new Problem('data.missing', { directory })
}

async function changeAlone(
  dataDirectory: string,
  change: (settings: Settings) => Settings | Promise<Settings>,
): Promise<Settings> {
  refuseMissing(dataDirectory)
  const lock = lockDirectory(dataDirectory)
  // It has started just now, and would overwrite what is written here.
  if (lock === null) throw new Problem('agent.starting')
  try {
    const settings = openSettings(dataDirectory, 'refuse')
    return settings.set(await change(settings.get()))
  } finally {
    lock.release()
  }
}
