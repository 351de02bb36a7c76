import { setTimeout as delay } from 'node:timers/promises'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { describeSamples } from '../../core/agent/state/derived.ts'
import type { DestinationState } from '../../core/agent/state/schema.ts'
import { shellWord } from '../../core/lib/i18n/formats.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { namedDestination } from '../../core/settings/destinations.ts'
import { resolveDataDirectory } from '../ask/data-directory.ts'
import { askState } from '../ask/settings-change.ts'
import { jsonText } from '../terminal/json.ts'
import { terminalWords, translate } from '../terminal/terminal-words.ts'
import { readKey } from './library-settings.ts'

// `holdfast verify --sample` and `holdfast verify --repair`: the running agent does the work, as every day by itself.

/** Exit codes of `holdfast verify`. */
export const WELL = 0
export const DAMAGE = 1
export const COULD_NOT = 2
/** Damaged files that are named before only their number is given. */
const MOST_NAMED = 10
const LOOK_EVERY_MS = 200
/** Without a report of the round for this long, its process has ended. */
const LOST_AFTER_MS = 10_000

export interface AgentOptions {
  data?: string
  identityFile?: string
  json: boolean
}

/** Returns the named destination, or all that match. @throws UserError if an agent that only sends once runs */
async function chooseDestinations(
  data: string,
  given: string | undefined,
  matches: (one: DestinationState) => boolean,
): Promise<DestinationState[]> {
  const { host, destinations } = await askState(data)
  if (host === 'once') throw new UserError('agent.sendingOnce', { directory: data })
  return given === undefined ? destinations.filter(matches) : [namedDestination(destinations, given)]
}

/** @throws UserError if the destination is not there any more, or the agent has ended */
async function readDestination(data: string, id: string): Promise<DestinationState> {
  const found = (await askState(data)).destinations.find((one) => one.id === id)
  if (found === undefined) throw new UserError('refuse.noSuchDestination', { name: id })
  return found
}

const isConnected = ({ connection }: DestinationState): boolean => connection.state === 'connected'

/** Has destinations prove random files now. Returns the exit code. */
export async function sample(given: string | undefined, options: AgentOptions): Promise<number> {
  const data = resolveDataDirectory(options)
  const chosen = await chooseDestinations(data, given, (one) => isConnected(one) && one.kind !== 'embedded')
  if (chosen.length === 0) throw new UserError('cli.prove.noneConnected')
  let code = WELL
  for (const { id } of chosen) {
    const startedAt = Date.now()
    await sendCommand(data, 'prove', { id })
    const destination = await untilProven(data, id, startedAt)
    const { name, proofRound, samples = null } = destination
    const { isRunning: _, ...round } = proofRound
    const damage = round.damaged + round.missing + round.unreadable
    if (damage > 0) code = DAMAGE
    else if (round.unanswered > 0 && code === WELL) code = COULD_NOT
    if (options.json) {
      console.log(jsonText({ name, ...round, samples }))
      continue
    }
    const { found, ...sums } = round
    console.log(translate('cli.prove.done', { name, ...sums }))
    for (const { path, finding } of found.slice(0, MOST_NAMED))
      console.log(`  ${translate(`cli.prove.${finding}`, { path })}`)
    if (damage > MOST_NAMED) console.log(`  ${translate('cli.prove.more', { count: damage - MOST_NAMED })}`)
    const figures = describeSamples(destination)
    if (figures !== null) console.log(`  ${terminalWords(figures)}`)
  }
  return code
}

/** Waits until a round that was started has ended. @throws UserError if its process or the agent ends meanwhile */
async function untilProven(data: string, id: string, startedAt: number) {
  for (let seenAt = performance.now(); ; ) {
    const found = await readDestination(data, id)
    const { proofRound } = found
    if (proofRound !== undefined && !proofRound.isRunning && proofRound.at >= startedAt)
      return { ...found, proofRound }
    if (proofRound?.isRunning === true) seenAt = performance.now()
    if (performance.now() - seenAt > LOST_AFTER_MS)
      throw new UserError('cli.prove.ended', { name: found.name })
    await delay(LOOK_EVERY_MS)
  }
}

/** Gives damaged and missing files their content again. Returns the exit code. */
export async function repair(given: string | undefined, options: AgentOptions): Promise<number> {
  const data = resolveDataDirectory(options)
  // A destination without known damage that is not connected cannot be asked: no directory is sent there now.
  const chosen = await chooseDestinations(data, given, (one) => one.damaged !== undefined || isConnected(one))
  const identity = options.identityFile === undefined ? {} : { identity: readKey(options.identityFile) }
  let code = WELL
  for (const { id } of chosen) {
    await sendCommand(data, 'heal', { id, ...identity })
    const { name, healing, damaged } = await untilHealed(data, id)
    const { healed = 0, resent = 0, failed = 0, failures = [] } = healing ?? {}
    if (failed + resent + failures.length > 0) code = DAMAGE
    const result = { name, healed, resent, failed, failures, damaged: damaged?.files ?? 0 }
    if (options.json) console.log(jsonText(result))
    else if (healed + resent + failed + failures.length === 0)
      console.log(translate('cli.heal.none', { name, word: shellWord(name) }))
    else {
      console.log(translate('cli.heal.done', { name, healed, resent, failed }))
      for (const one of failures) console.log(`  ${terminalWords(one)}`)
    }
  }
  return code
}

/** Waits until a destination's healing has ended. */
async function untilHealed(data: string, id: string): Promise<DestinationState> {
  for (;;) {
    const found = await readDestination(data, id)
    if (found.healing?.isRunning !== true) return found
    await delay(LOOK_EVERY_MS)
  }
}
