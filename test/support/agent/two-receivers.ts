import path from 'node:path'
import { expect } from 'vitest'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { type AppState, stateSnapshotSchema } from '../../../core/agent/state/schema.ts'
import { type RunningCommand, startHoldfast } from '../cli/processes.ts'
import { temporaryDirectory } from '../temporary.ts'
import { until } from '../until.ts'

/** A receiver in a process of its own, which `holdfast pair` makes codes for. */
export interface RunningReceiver {
  name: string
  store: string
  command: RunningCommand
}

export async function startReceiver(name: string, port = 0): Promise<RunningReceiver> {
  const store = path.join(temporaryDirectory(name), 'store')
  const words = ['receive', '--store', store, '--host', '127.0.0.1', '--port', String(port), '--name', name]
  const command = startHoldfast(words)
  await command.says(/holdfast:\/\//)
  return { name, store, command }
}

/** Makes a code at the receiver and gives it to the sender's data directory; `sender`: its folder's name there. */
export async function pairWith(
  { store }: Pick<RunningReceiver, 'store'> & Partial<RunningReceiver>,
  data: string,
  sender: string,
  ...more: string[]
): Promise<string> {
  const [code] = await startHoldfast(['pair', '--store', store, ...more]).says(/holdfast:\/\/\S+/)
  return holdfast(['pair', code, '--data', data, '--name', sender])
}

/** Runs a command to its end, which must be a good one; gives what it said. */
export async function holdfast(words: string[]): Promise<string> {
  const command = startHoldfast(words)
  expect(await command.ended(), command.err()).toBe(0)
  return command.out()
}

export const readState = async (data: string): Promise<AppState> =>
  stateSnapshotSchema.parse(await sendCommand(data, 'snapshot', {})).state

/** Waits for something that the agent's state says. */
export async function untilState(
  data: string,
  what: string,
  holds: (state: AppState) => boolean,
  withinMs = 60_000,
): Promise<AppState> {
  let last: AppState | null = null
  const look = async () => {
    last = await readState(data)
    return holds(last) ? last : null
  }
  return until(what, look, withinMs).catch((error: unknown) => {
    const { status, sources, destinations, notices, workers } = last ?? {}
    throw new Error(`${error}: ${JSON.stringify({ status, destinations, sources, notices, workers })}`)
  })
}
