import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { sendCommand } from '../core/agent/control-socket.ts'
import { describeSamples } from '../core/agent/state/derived.ts'
import type { DestinationState } from '../core/agent/state/schema.ts'
import { toSentence, UserError } from '../core/lib/i18n/user-error.ts'
import { namedDestination } from '../core/settings/destinations.ts'
import { resolveDataDirectory, withDataDirectory } from './data-directory.ts'
import { jsonText } from './json.ts'
import { askState } from './settings-change.ts'
import { terminalWords, translate } from './terminal-words.ts'

const WELL = 0
const DAMAGE = 1
const COULD_NOT = 2
/** Damaged files that are named before only their number is given. */
const MOST_NAMED = 10
const LOOK_EVERY_MS = 200
/** Without a report of the round for this long, its process has ended. */
const LOST_AFTER_MS = 10_000

interface ProveOptions {
  data?: string
  json?: boolean
}

/** `holdfast prove [DESTINATION]`: has destinations prove random files now. */
export function registerProve(program: Command): void {
  const command = program
    .command('prove')
    .description(
      'have a destination prove random files that were sent to it, as it does every day by itself, and say how small a ' +
        'damage the samples of 30 days would have shown; damaged files are named, and sent again or healed; the agent must be ' +
        'running; exit code 0: all are intact, 1: some are not, 2: it failed, or a destination did not answer for some',
    )
    .argument('[destination]', 'its name; without, all destinations that are connected')
    .option('--json', 'print one JSON object a destination')
  withDataDirectory(command).action(async (name: string | undefined, options: ProveOptions) => {
    try {
      process.exitCode = await prove(name, options)
    } catch (error) {
      console.error(terminalWords(toSentence(error)))
      process.exitCode = COULD_NOT
    }
  })
}

async function prove(given: string | undefined, options: ProveOptions): Promise<number> {
  const data = resolveDataDirectory(options)
  const state = await askState(data)
  if (state.host === 'once') throw new UserError('agent.sendingOnce', { directory: data })
  const chosen =
    given === undefined
      ? state.destinations.filter(
          ({ connection, kind }) => connection.state === 'connected' && kind !== 'embedded',
        )
      : [namedDestination(state.destinations, given)]
  if (chosen.length === 0) throw new UserError('cli.prove.noneConnected')
  let code = WELL
  for (const { id } of chosen) {
    const startedAt = Date.now()
    await sendCommand(data, 'prove', { id })
    const destination = await waitForEnd(data, id, startedAt)
    const { name, proofRound, samples = null } = destination
    const { isRunning: _, ...round } = proofRound
    const damage = round.damaged + round.missing + round.unreadable
    if (damage > 0) code = DAMAGE
    else if (round.unanswered > 0 && code === WELL) code = COULD_NOT
    if (options.json === true) {
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
async function waitForEnd(data: string, id: string, startedAt: number) {
  for (let seenAt = performance.now(); ; ) {
    const found: DestinationState | undefined = (await askState(data)).destinations.find(
      (one) => one.id === id,
    )
    if (found === undefined) throw new UserError('refuse.noSuchDestination', { name: id })
    const { proofRound } = found
    if (proofRound !== undefined && !proofRound.isRunning && proofRound.at >= startedAt)
      return { ...found, proofRound }
    if (proofRound?.isRunning === true) seenAt = performance.now()
    if (performance.now() - seenAt > LOST_AFTER_MS)
      throw new UserError('cli.prove.ended', { name: found.name })
    await delay(LOOK_EVERY_MS)
  }
}
