import type { Command } from 'commander'
import { sendCommand } from '../../core/agent/control-socket.ts'
import type { AppState } from '../../core/agent/state/schema.ts'
import type { ChannelType } from '../../core/alerts/channels/catalog.ts'
import { testedSchema } from '../../core/alerts/incident.ts'
import type { ChannelSettings, QuietHours } from '../../core/alerts/settings.ts'
import type { ShownSettings } from '../../core/settings/schema.ts'
import { readSetting } from '../../core/settings/values.ts'
import { inData, withDataDirectory } from '../ask/data-directory.ts'
import { changeSettings, runningState, settingsIn } from '../ask/settings-change.ts'
import { jsonText } from '../terminal/json.ts'
import { askWhether } from '../terminal/secret-words.ts'
import { parserOf, valueText } from '../terminal/setting-words.ts'
import { about, listed, terminalWords, translate } from '../terminal/terminal-words.ts'
import {
  type ChannelOptions,
  channelWith,
  namedChannel,
  newId,
  parseChannelType,
  readSecretFiles,
  withChannelOptions,
} from './channel-options.ts'

interface RulesOptions {
  project?: string
  resource?: string
  quiet?: QuietHours | 'none'
  unreachable?: number
}

/** `holdfast channels`: lists and edits the notification channels, as the window does. */
export function registerChannels(program: Command): void {
  const command = program
    .command('channels')
    .description('list, add, test and remove notification channels')
    .option('--json', 'print them as JSON, without secrets')
  withDataDirectory(command).action(inData(list))
  const inner = (usage: string, description: string) =>
    withDataDirectory(command.command(usage).description(description))
  withChannelOptions(
    inner('add', 'add a channel: line, mail, webhook, ntfy, telegram or another type').argument(
      '<type>',
      'such as line, mail or ntfy',
      parseChannelType,
    ),
  ).action(inData(add))
  withChannelOptions(inner('change', 'change a channel').argument('<channel>', 'its name or id')).action(
    inData((directory, given: string, options: ChannelOptions) =>
      change(
        directory,
        given,
        (one, settings) => channelWith(one, options, settings),
        readSecretFiles(options),
      ),
    ),
  )
  for (const [word, enabled] of [
    ['on', true],
    ['off', false],
  ] as const) {
    inner(word, `switch a channel ${word}`)
      .argument('<channel>', 'its name or id')
      .action(
        inData((directory, given: string) => change(directory, given, (one) => ({ ...one, enabled }), {})),
      )
  }
  inner('remove', 'remove a channel and its secrets')
    .argument('<channel>', 'its name or id')
    .action(inData(remove))
  inner('order', 'set the order in which a standby takes over')
    .argument('<channel...>', 'all of them')
    .action(inData(order))
  inner(
    'test',
    'send a test through a channel, the real way; the agent must be running; exit code 1: not delivered',
  )
    .argument('<channel>', 'its name or id')
    .action(inData(test))
  inner('rules', 'show or change the rules for all channels')
    .option('--project <code>', 'the project code in messages')
    .option('--resource <id>', 'the resource id in messages (default: the path)')
    .option(
      '--quiet <from-to>',
      'send only critical failures at these times: 22:00-07:00, or none',
      parserOf('alerts.quietHours'),
    )
    .option(
      '--unreachable <time>',
      'notify when a destination has been unreachable for this long: 90s, 5m',
      parserOf('alerts.unreachableMinutes', { ofTime: true }),
    )
    .action(inData(rules))
}

async function list(directory: string, { json }: { json?: boolean }): Promise<void> {
  const state = await runningState(directory)
  const { alerts } = settingsIn(state, directory)
  const rows = alerts.channels.map((one) => ({ ...one, state: findChannelState(state, one) }))
  if (json) return console.log(jsonText({ ...alerts, channels: rows }, 2))
  if (rows.length === 0) console.log(translate('cli.channels.none'))
  for (const { id, name, type, enabled, standby, state: now } of rows) {
    const facts = listed([
      type,
      ...(enabled ? [] : [translate('window.channel.off')]),
      ...(standby ? [translate('window.channel.isStandby')] : []),
      ...(now === undefined ? [] : [translate(`cli.channels.${now.condition}`)]),
    ])
    console.log(translate('cli.channels.line', { id, name, facts }))
    if (now?.sentence != null) console.log(`  ${terminalWords(now.sentence)}`)
    if (now !== undefined && now.waiting > 0)
      console.log(`  ${translate('cli.channels.waiting', { count: now.waiting })}`)
  }
}

const findChannelState = (state: AppState | null, { id }: ChannelSettings) =>
  state?.channels.find((one) => one.id === id)

async function add(directory: string, type: ChannelType, options: ChannelOptions): Promise<void> {
  const secrets = readSecretFiles(options)
  let id = ''
  await changeSettings(directory, (settings) => {
    id = newId(settings.alerts.channels, options.name ?? type, type)
    const channel = channelWith({ id, name: options.name ?? id, type }, options, settings)
    return { command: 'addChannel', input: { channel, secrets } }
  })
  console.log(translate('cli.channels.added', { id }))
}

async function change(
  directory: string,
  given: string,
  changed: (channel: ChannelSettings, settings: ShownSettings) => ChannelSettings,
  secrets: Record<string, string>,
): Promise<void> {
  await changeSettings(directory, (settings) => ({
    command: 'changeChannel',
    input: { channel: changed(namedChannel(settings, given), settings), secrets },
  }))
  console.log(translate('cli.channels.changed', { id: given }))
}

async function remove(directory: string, given: string): Promise<void> {
  await changeSettings(directory, (settings) => ({
    command: 'removeChannel',
    input: { id: namedChannel(settings, given).id },
  }))
  console.log(translate('cli.channels.removed', { id: given }))
}

async function order(directory: string, given: string[]): Promise<void> {
  await changeSettings(directory, (settings) => ({
    command: 'orderChannels',
    input: { ids: given.map((one) => namedChannel(settings, one).id) },
  }))
  await list(directory, {})
}

async function test(directory: string, given: string): Promise<void> {
  const state = await runningState(directory)
  const { id } = namedChannel(settingsIn(state, directory), given)
  const { delivered, sentence } = testedSchema.parse(await sendCommand(directory, 'testChannel', { id }))
  console[delivered ? 'log' : 'error'](terminalWords(sentence))
  if (delivered) return
  process.exitCode = 1
  const { fingerprint } = sentence.params
  if (typeof fingerprint !== 'string' || fingerprint === '') return
  const isRight = await askWhether(['cli.channels.certificateAsked'])
  if (isRight !== true) return console.error(translate('cli.channels.certificate', { id, fingerprint }))
  const certificate = (one: ChannelSettings) => ({
    ...one,
    options: { ...one.options, certificate: fingerprint },
  })
  await change(directory, id, certificate, {})
  process.exitCode = 0
  await test(directory, id)
}

/** The settings that `channels rules` shows, as `holdfast settings` has them. */
const RULES = [
  'alerts.labels.project',
  'alerts.labels.resource',
  'alerts.quietHours',
  'alerts.unreachableMinutes',
] as const

async function rules(directory: string, options: RulesOptions): Promise<void> {
  const { project, resource, quiet, unreachable } = options
  const buildChanges = ({ alerts: { labels } }: ShownSettings) => ({
    alerts: {
      labels: { project: project ?? labels.project, resource: resource ?? labels.resource },
      ...(quiet === undefined ? {} : { quietHours: quiet === 'none' ? null : quiet }),
      ...(unreachable === undefined ? {} : { unreachableMinutes: unreachable }),
    },
  })
  const isRead = Object.keys(options).length === 0
  const { alerts } = isRead
    ? settingsIn(await runningState(directory), directory)
    : await changeSettings(directory, (settings) => ({
        command: 'changeSettings',
        input: buildChanges(settings),
      }))
  for (const key of RULES)
    console.log(about(translate(`setting.${key}`), valueText(key, readSetting({ alerts }, key))))
}
