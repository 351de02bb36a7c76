import { formatAddress } from '../../core/lib/i18n/formats.ts'
import { type Message, message } from '../../core/lib/i18n/message.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { parseEnteredCode } from '../../core/protocol/short-code.ts'
import { createDataDirectory } from '../../core/settings/data-directory.ts'
import type { Destination } from '../../core/settings/destination-schema.ts'
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
  const wanted = parseOrExplain(code)
  const input = { code, ...(name === undefined ? {} : { name }) }
  // The data directory may not exist before the first destination is added.
  createDataDirectory(dataDirectory)
  const settings = await changeSettings(dataDirectory, () => ({ command: 'pair', input }))
  const { host, port } = wanted
  const isPaired = (one: Destination) =>
    'fingerprint' in wanted
      ? one.id === wanted.fingerprint
      : one.kind === 'receiver' && one.host === host && one.port === port
  const paired = settings.destinations.find(isPaired)
  if (paired === undefined)
    throw new UserError('refuse.noSuchDestination', { name: formatAddress(host, port) })
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
  const isRunning = (await runningState(dataDirectory)) !== null
  if (sources.length === 0)
    return message(isRunning ? 'transfer.pairedNext.add' : 'transfer.pairedNext.protect', { data })
  return message(isRunning ? 'transfer.pairedNext.running' : 'transfer.pairedNext.start', { data })
}

function parseOrExplain(code: string): ReturnType<typeof parseEnteredCode> {
  try {
    return parseEnteredCode(code)
  } catch (error) {
    throw wrongUsage(error)
  }
}
