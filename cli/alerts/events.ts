import { hostname } from 'node:os'
import { type Command, InvalidArgumentError } from 'commander'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { testedSchema } from '../../core/alerts/incident.ts'
import { dropError } from '../../core/dropped-errors.ts'
import {
  BEGINNING,
  type CloudEvent,
  type Cursor,
  cursorAt,
  type EventNames,
  getEventNames,
  readCursor,
  TYPE_PREFIX,
  toCloudEvent,
} from '../../core/events/cloud-event.ts'
import { watchEvents } from '../../core/events/event-thread.ts'
import { EventReader } from '../../core/events/reader.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { errorText } from '../../core/platform/system-error.ts'
import { getDataLayout } from '../../core/settings/data-directory.ts'
import { EMBEDDED_DESTINATION } from '../../core/settings/destinations.ts'
import {
  type EventSink,
  type EventType,
  eventSinkSchema,
  eventsSettingsSchema,
  eventTypes,
  getSink,
  type SinkKind,
  sinkCatalog,
  sinkKinds,
} from '../../core/settings/event-sinks.ts'
import type { ShownSettings } from '../../core/settings/schema.ts'
import { inData, refuseMissing, withDataDirectory } from '../ask/data-directory.ts'
import { sourceAt } from '../ask/known-path.ts'
import { changeSettings, runningState, settingsIn } from '../ask/settings-change.ts'
import { tableLines } from '../terminal/columns.ts'
import { jsonText } from '../terminal/json.ts'
import { localTime } from '../terminal/moment.ts'
import { omitUndefined } from '../terminal/omit-undefined.ts'
import { collect } from '../terminal/option-words.ts'
import { collectPaths } from '../terminal/path-words.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { about, listed, terminalWords, translate } from '../terminal/terminal-words.ts'
import { WrongUsage, wrongUsage } from '../terminal/wrong-usage.ts'
import { newId, readSecretFiles, splitPair } from './channel-options.ts'

interface EventOptions {
  follow?: boolean
  since?: Cursor
  type?: EventType[]
  source?: string[]
  json?: boolean
}

interface SinkOptions {
  name?: string
  option?: string[]
  secret?: string[]
  type?: EventType[]
  source?: string[]
}

/** Time after which a follower looks without being woken. */
const LOOK_EVERY_MS = 1_000

/** `holdfast events`: prints what happened to files and incidents, and manages the sinks of events. */
export function registerEvents(program: Command): void {
  const events = program
    .command('events')
    .description('print events of files, batch folders and failures; needs no agent')
    .option('--follow', 'go on with new events until it is stopped')
    .option(
      '--since <time>',
      'only later ones: 2h, 2026-11-20, the cursor of an event, "beginning" (default) or "now" (default with --follow)',
      parsePlace,
    )
    .option('--type <type>', `only events of this type, such as ${eventTypes[0]} (repeatable)`, collectTypes)
    .option('--source <path>', 'only events of this folder (repeatable)', collectPaths)
    .option('--json', 'print each event as a CloudEvent 1.0, one JSON object a line')
  withDataDirectory(events).action(inData(print))
  withDataDirectory(
    events
      .command('keep')
      .description('show or change how long events are kept')
      .option('--days <days>', 'at most this many days (default: 7)', parseWhole('keepDays'))
      .option('--events <number>', 'at most this many events (default: 1000000)', parseWhole('keepRows')),
  ).action(inData(keep))
  registerSinks(events)
}

function registerSinks(events: Command): void {
  const sinks = events
    .command('sinks')
    .description('list, add, test and remove sinks, to which the agent delivers events')
    .option('--json', 'print them as JSON, without secrets')
  withDataDirectory(sinks).action(inData(listSinks))
  withDataDirectory(
    sinks
      .command('add')
      .description('add a sink; it gets the events from now on')
      .argument('<kind>', 'webhook or mqtt; a command is added in the settings file', parseKind)
      .option('--name <name>', 'its name')
      .option(
        '--option <field=value>',
        'a field that it needs, such as broker=mqtts://host:8883 or topic=… (repeatable)',
        collect,
      )
      .option(
        '--secret <field=file>',
        'a secret, read from a file, or from standard input with "-": url=/run/url (repeatable)',
        collect,
      )
      .option('--type <type>', 'only events of this type (repeatable)', collectTypes)
      .option('--source <path>', 'only events of this folder (repeatable)', collectPaths),
  ).action(inData(addSink))
  for (const [word, on] of [
    ['on', true],
    ['off', false],
  ] as const)
    withDataDirectory(
      sinks
        .command(word)
        .description(on ? 'go on delivering events to a sink' : 'stop delivering; its place stays')
        .argument('<sink>', 'its name or id'),
    ).action(
      inData(async (directory, given: string) => {
        await changeSettings(directory, (settings) => ({
          command: 'switchEventSink',
          input: { id: getSink(settings, given).id, on },
        }))
        console.log(translate(on ? 'cli.events.isOn' : 'cli.events.isOff', { name: given }))
      }),
    )
  withDataDirectory(
    sinks.command('remove').description('remove a sink and its secrets').argument('<sink>', 'its name or id'),
  ).action(
    inData(async (directory, given: string) => {
      await changeSettings(directory, (settings) => ({
        command: 'removeEventSink',
        input: { id: getSink(settings, given).id },
      }))
      console.log(translate('cli.events.removed', { name: given }))
    }),
  )
  withDataDirectory(
    sinks
      .command('test')
      .description('send a test event to a sink; the agent must be running; exit code 1: not delivered')
      .argument('<sink>', 'its name or id'),
  ).action(inData(testSink))
}

function collectTypes(text: string, before?: string[]): string[] {
  const type = text.startsWith(TYPE_PREFIX) ? text.slice(TYPE_PREFIX.length) : text
  if (!eventTypes.some((one) => one === type))
    throw new InvalidArgumentError(
      `It must be one of ${eventTypes.join(', ')}. Gaps (events.gap) are always among the events.`,
    )
  return collect(type, before)
}

function parsePlace(text: string): Cursor {
  try {
    return readCursor(text)
  } catch (error) {
    throw wrongUsage(error)
  }
}

const parseWhole = (name: 'keepDays' | 'keepRows') => (text: string) => {
  const schema = eventsSettingsSchema.shape[name]
  const parsed = schema.safeParse(/^\d+$/.test(text) ? Number(text) : null)
  if (parsed.success) return parsed.data
  const { minValue, maxValue } = schema.unwrap()
  throw new InvalidArgumentError(`It must be a whole number from ${minValue} to ${maxValue}.`)
}

function parseKind(text: string): SinkKind {
  const found = sinkKinds.find((kind) => kind === text)
  if (found === undefined) throw new InvalidArgumentError('It must be webhook or mqtt.')
  return found
}

async function print(directory: string, options: EventOptions): Promise<void> {
  refuseMissing(directory)
  const {
    follow = false,
    since = follow ? cursorAt(Date.now()) : BEGINNING,
    type = null,
    json = false,
  } = options
  const settings = settingsIn(await runningState(directory), directory)
  const sources = options.source?.map((path) => sourceAt(settings, path).id) ?? null
  let names = getEventNames(settings, hostname(), directory)
  const reader = new EventReader(getDataLayout(directory))
  let wake = () => undefined as undefined
  const unwatch = follow ? watchEvents(directory, () => wake()) : () => undefined
  // A reader of the output that is slow, or gone, stops the reading.
  const write = (lines: string[]) =>
    new Promise<void>((resolve) => process.stdout.write(lines.join(''), () => resolve()))
  try {
    for (let place = since; ; ) {
      const changed = new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_EVERY_MS)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      const page = readPage(reader, place, { types: type, sources })
      if (page.events.length > 0) names = readNames(directory, names)
      const lines = page.events.map((event) => {
        const outside = toCloudEvent(event, names)
        return `${json ? JSON.stringify(outside) : formatEvent(outside, names)}\n`
      })
      if (lines.length > 0) await write(lines)
      place = page.cursor
      if (page.more) continue
      if (!follow) return wake()
      await changed
    }
  } finally {
    unwatch()
    reader.close()
  }
}

/**
 * Returns the names of the present settings, as a source or a destination may be new since the start, or renamed; and
 * those of before, as an event may be older than a removal.
 */
function readNames(directory: string, before: EventNames): EventNames {
  try {
    const { origin, sources, destinations } = getEventNames(
      settingsIn(null, directory),
      hostname(),
      directory,
    )
    return {
      origin,
      sources: new Map([...before.sources, ...sources]),
      destinations: new Map([...before.destinations, ...destinations]),
    }
  } catch (error) {
    return dropError(error, 'while the settings cannot be read, the names stay', before)
  }
}

/** @throws UserError events.notRead */
function readPage(reader: EventReader, ...input: Parameters<EventReader['read']>) {
  try {
    return reader.read(...input)
  } catch (error) {
    throw new UserError('events.notRead', { reason: errorText(error) }, { cause: error })
  }
}

/** Returns the name of a destination; of one that the settings no longer have, the beginning of its id. */
function formatDestination({ id, name }: { id: string; name: string }, { destinations }: EventNames): string {
  const isKnown = id === EMBEDDED_DESTINATION || destinations.has(id)
  return isKnown ? name : translate('cli.events.removedDestination', { id: id.slice(0, 8) })
}

function formatEvent({ time, type, subject = '', data }: CloudEvent, names: EventNames): string {
  const facts = [
    ...(data.destination === undefined ? [] : [`→ ${formatDestination(data.destination, names)}`]),
    ...(data.reason === undefined ? [] : [data.reason]),
    ...(data.finding === undefined ? [] : [data.finding]),
    ...(data.by === undefined ? [] : [data.by]),
    ...(data.incident === undefined ? [] : [data.incident.sentence]),
  ]
  const line = [localTime(Date.parse(time)), type.slice(TYPE_PREFIX.length), subject, ...facts]
  return quoteControls(line.join('  '))
}

async function keep(directory: string, { days, events }: { days?: number; events?: number }): Promise<void> {
  const changes = omitUndefined({ keepDays: days, keepRows: events })
  const settings =
    Object.keys(changes).length === 0
      ? settingsIn(await runningState(directory), directory)
      : await changeSettings(directory, () => ({ command: 'changeSettings', input: { events: changes } }))
  const { keepDays, keepRows } = settings.events
  console.log(translate('cli.events.kept', { days: keepDays, count: keepRows }))
}

async function listSinks(directory: string, { json }: { json?: boolean }): Promise<void> {
  const agent = await runningState(directory)
  const { events } = settingsIn(agent, directory)
  const rows = events.sinks.map((sink) => ({
    ...sink,
    state: agent?.eventSinks.find(({ id }) => id === sink.id) ?? null,
  }))
  if (json) return console.log(jsonText(rows, 2))
  if (rows.length === 0) console.log(translate('cli.events.noSinks'))
  for (const line of tableLines(rows.map(({ state, ...sink }) => formatSink(sink, state)))) console.log(line)
}

type State = NonNullable<Awaited<ReturnType<typeof runningState>>>['eventSinks'][number]

function formatSink({ name, kind, enabled, types }: EventSink, state: State | null): string[] {
  const facts = [
    ...(enabled ? [] : [translate('window.channel.off')]),
    ...(types ?? []),
    ...(state === null || !enabled ? [] : [translate(`cli.events.${state.condition}`)]),
    ...(state?.waitingSince == null ? [] : [translate('cli.events.waiting', { since: state.waitingSince })]),
  ]
  const line = listed(facts)
  const problem = state?.sentence == null ? '' : terminalWords(state.sentence)
  return [quoteControls(name), kind, problem === '' ? line : about(line, problem)]
}

async function addSink(directory: string, kind: SinkKind, options: SinkOptions): Promise<void> {
  if (!sinkCatalog[kind].isAddable) throw new UserError('events.commandInSettings')
  const secrets = readSecretFiles(options)
  let name = ''
  await changeSettings(directory, (settings) => {
    const sink = buildSink(kind, options, settings)
    name = sink.name
    return { command: 'addEventSink', input: { sink, secrets } }
  })
  console.log(translate('cli.events.added', { name }))
}

/** @throws WrongUsage cli.channels.invalid, cli.channels.pair */
function buildSink(kind: SinkKind, options: SinkOptions, settings: ShownSettings): EventSink {
  const { option = [], type = null, source, name } = options
  const taken = settings.events.sinks
  const id = newId(taken, name ?? kind, kind)
  const parsed = eventSinkSchema.safeParse({
    ...{ id, name: name ?? id, kind, types: type },
    options: Object.fromEntries(option.map(splitPair)),
    sources: source?.map((path) => sourceAt(settings, path).id) ?? null,
  })
  if (parsed.success) return parsed.data
  throw new WrongUsage('cli.channels.invalid', { reason: parsed.error.issues[0]?.message ?? '' })
}

async function testSink(directory: string, given: string): Promise<void> {
  const settings = settingsIn(await runningState(directory), directory)
  const { id } = getSink(settings, given)
  const { delivered, sentence } = testedSchema.parse(await sendCommand(directory, 'testEventSink', { id }))
  console[delivered ? 'log' : 'error'](terminalWords(sentence))
  if (!delivered) process.exitCode = 1
}
