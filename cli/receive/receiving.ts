import { type Command, InvalidArgumentError } from 'commander'
import type { CommandInput } from '../../core/agent/contract.ts'
import type { AppState } from '../../core/agent/state/schema.ts'
import { parseSize } from '../../core/lib/i18n/formats.ts'
import { receiveSettingsSchema, type Settings } from '../../core/settings/schema.ts'
import { splitSender } from '../../core/store/quota/quota-options.ts'
import { inData, withDataDirectory } from '../ask/data-directory.ts'
import { awaitState, changeSettings, runningState, settingsIn } from '../ask/settings-change.ts'
import { jsonText } from '../terminal/json.ts'
import { NONE, parseLock, parserBy, toSetting } from '../terminal/option-words.ts'
import { parsePath } from '../terminal/path-words.ts'
import { terminalWords, translate } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'

type Receive = NonNullable<CommandInput<'setReceiving'>['receive']>

/** A limit of one sender, or of each (null); null: none. */
interface Limit {
  sender: string | null
  most: number | null
}

interface OnOptions {
  host?: string
  port?: number
  keepFree?: string
  lock?: number | typeof NONE
  quota?: Limit[]
  quotaFiles?: Limit[]
  silentHours?: Limit[]
  failingMinutes?: number
  isocketPort?: number | typeof NONE
  isocketHost?: string
}

const { port, keepFree, quotaBytes, quotaFiles, silentHours, failingMinutes } = receiveSettingsSchema.shape

/** `holdfast receive on`, `off` and `show`: let the agent receive the files of other computers. */
export function registerReceiving(receive: Command): void {
  const on = receive
    .command('on')
    .description(
      'receive in the agent, while it runs: with its window, its web page and its alerts; options that are not given stay as they are',
    )
    .argument('[folder]', 'the folder where the files are kept', parsePath)
    .option('--host <address>', 'address to listen on (default: 0.0.0.0, all of them)')
    .option('--port <number>', 'port to listen on (default: 7766)', parsePort)
    .option(
      '--keep-free <size>',
      'space to keep free on the disk: 10G, or 5%; "none" for the default (1G, on small disks 1%)',
      parseFree,
    )
    .option(
      '--lock <days>',
      'remove no received content for so long after it was replaced, whatever the stations do and "holdfast destinations keep" is: 90d, or "none"',
      parseLock,
    )
    .option(
      '--quota <[station=]size>',
      'the most that each station may store, versions included: 500G, or "none"; PC=1T for the one with the folder PC',
      collectLimit(parseBytes),
    )
    .option(
      '--quota-files <[station=]number>',
      'the most files and versions that a station may store',
      collectLimit(parseFileCount),
    )
    .option(
      '--silent-hours <[station=]hours>',
      'notify at the latest if a station was not connected for so long, 0 for never (default: 24); PC=2 for one',
      collectLimit(parseHours),
    )
    .option(
      '--failing-minutes <number>',
      'notify if a station has reported a failure for so long (default: 10)',
      parseMinutes,
    )
    .option(
      '--isocket-port <number>',
      'accept original isocket clients, too: plain text, without proof of who sends; or "none"',
      (text: string) => (text === NONE ? NONE : parsePort(text)),
    )
    .option('--isocket-host <address>', 'the one address on which they are accepted (default: 127.0.0.1)')
  withDataDirectory(on).action(inData(turnOn))
  withDataDirectory(
    receive.command('off').description('stop receiving in the agent; received files stay'),
  ).action(
    inData(async (directory) => {
      await changeSettings(directory, () => ({ command: 'setReceiving', input: { receive: null } }))
      console.log(translate('cli.receiving.off'))
    }),
  )
  withDataDirectory(
    receive
      .command('show')
      .description('show if the agent receives, where, and from whom')
      .option('--json', 'print the settings and the stations as JSON'),
  ).action(inData(show))
}

const parsePort = parserBy(port, 'a whole number from 1 to 65535')
const parseBytes = parserBy(
  quotaBytes,
  'a size such as 500G, or "none"; PC=1T for one station',
  (text) => parseSize(text) ?? 0,
)
const parseFileCount = parserBy(quotaFiles, 'a number of files, or "none"; PC=1000 for one station')
const parseHours = parserBy(silentHours, 'a number of hours from 0 to 8760; PC=2 for one station')
const parseMinutes = parserBy(failingMinutes, 'a number from 0 to 10080')

/** Parses "500G" for each sender, "PC=1T" for one, "PC=none" to remove it. */
const collectLimit =
  (parse: (text: string) => number) =>
  (text: string, before: Limit[] = []): Limit[] => {
    const { folder: sender, amount } = splitSender(text)
    return [...before, { sender, most: amount === NONE ? null : parse(amount) }]
  }

function parseFree(text: string): string {
  if (text === NONE || keepFree.safeParse(text).success) return text
  throw new InvalidArgumentError('It must be a size such as 10G, a part of the disk such as 5%, or "none".')
}

async function show(dataDirectory: string, { json }: { json?: boolean }): Promise<void> {
  const agent = await runningState(dataDirectory)
  const { receive } = settingsIn(agent, dataDirectory)
  if (json) return console.log(jsonText({ settings: receive, state: agent?.receiving ?? null }, 2))
  if (receive === null) return console.log(translate('cli.receiving.off'))
  print(receive, agent?.receiving ?? null)
}

function print(
  { directory: path, port, lockDays }: NonNullable<Settings['receive']>,
  state: AppState['receiving'],
): void {
  if (state === null) console.log(translate('cli.receiving.noAgent', { path }))
  else if (state.problem !== null) console.log(terminalWords(state.problem))
  else console.log(translate('cli.receiving.on', { path, port, count: state.senders.length }))
  if (lockDays !== null) console.log(translate('window.receiving.locked', { count: lockDays }))
  if (state?.senders.length === 0) console.log(translate('cli.receiving.noSenders', { store: path }))
}

async function turnOn(dataDirectory: string, given: string | undefined, options: OnOptions): Promise<void> {
  const { receive } = await changeSettings(dataDirectory, (settings) => {
    const directory = given ?? settings.receive?.directory
    if (directory === undefined) throw new WrongUsage('cli.receiving.noDirectory')
    return {
      command: 'setReceiving',
      input: { receive: { directory, ...readOptions(options, settings.receive) } },
    }
  })
  const isListening = ({ receiving }: AppState) =>
    receiving === null || receiving.isRunning || receiving.problem !== null
  const state = (await awaitState(dataDirectory, isListening))?.receiving ?? null
  if (receive !== null) print(receive, state)
  if (state !== null && state.problem !== null) process.exitCode = 1
}

/** Returns the changed fields. A limit changes only the senders that it names. */
function readOptions(
  { keepFree, lock, quota, quotaFiles, silentHours, isocketPort, ...others }: OnOptions,
  before: Settings['receive'],
): Omit<Receive, 'directory'> {
  const [bytes, bytesOf] = applyLimits(quota, before?.quotaBytes, before?.quotaBytesOf)
  const [files, filesOf] = applyLimits(quotaFiles, before?.quotaFiles, before?.quotaFilesOf)
  const [hours, hoursOf] = applyLimits(silentHours, before?.silentHours, before?.silentHoursOf)
  return {
    ...others,
    ...(keepFree !== undefined && { keepFree: toSetting(keepFree) ?? null }),
    ...(lock !== undefined && { lockDays: toSetting(lock) ?? null }),
    ...(isocketPort !== undefined && { isocketPort: toSetting(isocketPort) ?? null }),
    ...(quota && { quotaBytes: bytes ?? null, quotaBytesOf: bytesOf }),
    ...(quotaFiles && { quotaFiles: files ?? null, quotaFilesOf: filesOf }),
    ...(silentHours && { ...(hours !== undefined && { silentHours: hours ?? 0 }), silentHoursOf: hoursOf }),
  }
}

function applyLimits(
  limits: readonly Limit[] = [],
  each: number | null | undefined,
  of: Record<string, number> = {},
) {
  const changed = new Map(Object.entries(of))
  let all = each
  for (const { sender, most } of limits)
    if (sender === null) all = most
    else if (most === null) changed.delete(sender)
    else changed.set(sender, most)
  return [all, Object.fromEntries(changed)] as const
}
