import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { sendCommand } from '../core/agent/control-socket.ts'
import type { DestinationState } from '../core/agent/state/schema.ts'
import { shellWord } from '../core/lib/i18n/formats.ts'
import { toSentence, UserError } from '../core/lib/i18n/user-error.ts'
import { namedDestination } from '../core/settings/destinations.ts'
import { resolveDataDirectory, withDataDirectory } from './data-directory.ts'
import { jsonText } from './json.ts'
import { readKey } from './library-settings.ts'
import { parsePath } from './path-words.ts'
import { askState } from './settings-change.ts'
import { terminalWords, translate } from './terminal-words.ts'

const NOT_HEALED = 1
const COULD_NOT = 2
const LOOK_EVERY_MS = 200

interface HealOptions {
  data?: string
  identityFile?: string
  json?: boolean
}

/** `holdfast heal [DESTINATION]`: gives damaged and missing files their content again. */
export function registerHeal(program: Command): void {
  const command = program
    .command('heal')
    .description(
      'give files that verify or a sample found damaged or missing at a destination their content again: files that ' +
        'are still here are sent again, others are fetched from another destination and compared with the recorded digest; ' +
        'the agent must be running, and does this by itself, too; exit code 0: nothing is left, 1: some files were ' +
        'not healed yet, 2: it failed',
    )
    .argument('[destination]', 'its name; without, all destinations')
    .option(
      '--identity-file <file>',
      'the age identity that opens the files of encrypted destinations',
      parsePath,
    )
    .option('--json', 'print one JSON object a destination')
  withDataDirectory(command).action(async (name: string | undefined, options: HealOptions) => {
    try {
      process.exitCode = await heal(name, options)
    } catch (error) {
      console.error(terminalWords(toSentence(error)))
      process.exitCode = COULD_NOT
    }
  })
}

async function heal(given: string | undefined, options: HealOptions): Promise<number> {
  const data = resolveDataDirectory(options)
  const state = await askState(data)
  if (state.host === 'once') throw new UserError('agent.sendingOnce', { directory: data })
  const identity = options.identityFile === undefined ? {} : { identity: readKey(options.identityFile) }
  const chosen =
    given === undefined
      ? state.destinations.filter(mayHaveDamage)
      : [namedDestination(state.destinations, given)]
  let code = 0
  for (const { id } of chosen) {
    await sendCommand(data, 'heal', { id, ...identity })
    const { name, healing, damaged } = await waitForEnd(data, id)
    const { healed = 0, resent = 0, failed = 0, failures = [] } = healing ?? {}
    if (failed + resent + failures.length > 0) code = NOT_HEALED
    const result = { name, healed, resent, failed, failures, damaged: damaged?.files ?? 0 }
    if (options.json === true) console.log(jsonText(result))
    else if (healed + resent + failed + failures.length === 0)
      console.log(translate('cli.heal.none', { name, word: shellWord(name) }))
    else {
      console.log(translate('cli.heal.done', { name, healed, resent, failed }))
      for (const one of failures) console.log(`  ${terminalWords(one)}`)
    }
  }
  return code
}

/** False if nothing is known to be damaged there, and it cannot be asked, because no directory is sent there now. */
const mayHaveDamage = ({ damaged, connection }: DestinationState): boolean =>
  damaged !== undefined || connection.state === 'connected'

/** Waits until a destination's healing has ended. @throws UserError if the agent ends meanwhile */
async function waitForEnd(data: string, id: string): Promise<DestinationState> {
  for (;;) {
    const found = (await askState(data)).destinations.find((one) => one.id === id)
    if (found === undefined) throw new UserError('refuse.noSuchDestination', { name: id })
    if (found.healing?.isRunning !== true) return found
    await delay(LOOK_EVERY_MS)
  }
}
