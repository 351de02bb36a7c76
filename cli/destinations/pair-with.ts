import { type Message, message } from '../../core/lib/i18n/message.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { parsePairingCode } from '../../core/protocol/pairing-code.ts'
import { createDataDirectory } from '../../core/settings/data-directory.ts'
import { formatLocation } from '../../core/settings/destinations.ts'
import type { ShownSettings } from '../../core/settings/schema.ts'
import { dataWords } from '../ask/data-directory.ts'
import { changeSettings, runningState } from '../ask/settings-change.ts'
import { jsonText } from '../terminal/json.ts'
import { named, terminalWords, translate } from '../terminal/terminal-words.ts'
import { wrongUsage } from '../terminal/wrong-usage.ts'

/**
 * Pairs the agent of a data directory with the receiver that made this code and adds it as a destination, through the
 * agent if it runs.
 */
export async function pairWith(
  code: string,
  dataDirectory: string,
  name: string | undefined,
  json: boolean,
): Promise<void> {
  const fingerprint = fingerprintIn(code)
  const input = { code, ...(name === undefined ? {} : { name }) }
  // The data directory may not exist before the first destination is added.
  createDataDirectory(dataDirectory)
  const settings = await changeSettings(dataDirectory, () => ({ command: 'pair', input }))
  const paired = settings.destinations.find((one) => one.id === fingerprint)
  if (paired === undefined) throw new UserError('refuse.noSuchDestination', { name: fingerprint })
  if (json) return console.log(jsonText(paired))
  const address = formatLocation(paired)
  console.log(translate('transfer.pairedWith', { name: paired.name, address }))
  if (settings.destinations.length > 1) {
    const names = named(settings.destinations.map((one) => one.name))
    console.log(translate('cli.destinations.now', { names }))
  }
  console.log(terminalWords(await nextStep(settings, dataDirectory)))
}

/** Returns the user's next step before files are sent to the new destination. */
async function nextStep({ sources }: ShownSettings, dataDirectory: string): Promise<Message> {
  const data = dataWords(dataDirectory)
  if (sources.length === 0) return message('transfer.pairedNext.protect', { data })
  const isRunning = (await runningState(dataDirectory)) !== null
  return message(isRunning ? 'transfer.pairedNext.running' : 'transfer.pairedNext.start', { data })
}

function fingerprintIn(code: string): string {
  try {
    return parsePairingCode(code).fingerprint
  } catch (error) {
    throw wrongUsage(error)
  }
}
