import { type Command, InvalidArgumentError } from 'commander'
import { z } from 'zod'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { getNamesById, UNRECORDED } from '../../core/agent/state/derived.ts'
import { findMount, listRemedyCommands } from '../../core/agent/state/remedy.ts'
import type { AppState } from '../../core/agent/state/schema.ts'
import { NATIVE } from '../../core/alerts/channels/catalog.ts'
import {
  type NoticeDelivery,
  type TimelineEntry,
  type TimelinePage,
  type TimelineQuestion,
  timelinePageSchema,
  timelineQuestionSchema,
} from '../../core/alerts/incident.ts'
import {
  describeEnd,
  EVERYTHING,
  getSubjects,
  isDiskKind,
  type Severity,
  severities,
} from '../../core/alerts/kinds.ts'
import { readEvidence, readTimeline } from '../../core/alerts/store/database.ts'
import {
  type Evidence,
  evidenceSchema,
  type KernelLine,
  parseEvidence,
} from '../../core/check/evidence/evidence-messages.ts'
import { type Message, message, type WordKey } from '../../core/lib/i18n/message.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { getDataLayout } from '../../core/settings/data-directory.ts'
import type { ShownSettings } from '../../core/settings/schema.ts'
import { storeLayout } from '../../core/store/layout.ts'
import { inData, resolveDataDirectory, withDataDirectory } from '../ask/data-directory.ts'
import { pathAt } from '../ask/known-path.ts'
import type { AskedCommand } from '../ask/own-agent.ts'
import { changeSettings, runningState, settingsIn } from '../ask/settings-change.ts'
import { jsonText } from '../terminal/json.ts'
import { localTime } from '../terminal/moment.ts'
import { minutesIn, parsePause, toNumber } from '../terminal/option-words.ts'
import { printPages } from '../terminal/pages.ts'
import { parsePath } from '../terminal/path-words.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { about, listed, named, terminalWords, translate } from '../terminal/terminal-words.ts'
import { parseSeverity } from './channel-options.ts'

interface ListOptions {
  data?: string
  store?: string
  json?: boolean
  most: number
  severity?: Severity
  source?: string
  text?: string
  lasting?: boolean
}

interface ShowOptions {
  evidence?: boolean
  json?: boolean
}

const PAGE = 100
const answerSchema = z.object({ evidence: evidenceSchema.nullable() })

/** `holdfast failures`: lists failures and their notifications; mutes and unmutes paths. */
export function registerFailures(program: Command): void {
  const command = program
    .command('failures')
    .description('list failures, their ends and notifications; or silence them')
    .option('--store <folder>', "those of a receiver's store", parsePath)
    .option('--json', 'one JSON object a line, newest first')
    .option('--most <number>', 'how many at most', parseCount, 50)
    .option('--severity <severity>', severities.join(' or '), parseSeverity)
    .option('--source <path>', 'only those of this folder or checked path', parsePath)
    .option('--text <text>', 'only those whose paths contain it')
    .option('--lasting', 'only those that have not ended')
  withDataDirectory(command).action(list)
  const inner = (usage: string, description: string) =>
    withDataDirectory(command.command(usage).description(description))
  inner('show', 'show one failure with its cause, and what the system reported about it')
    .argument('<id>', 'as the list has it')
    .option('--evidence', 'with the lines of the system, as they are')
    .option('--json', 'one JSON object')
    .action(inData(show))
  inner('acknowledge', 'stop reminders of it until it ends; the agent must be running')
    .argument('<id>', 'as the list has it')
    .action(inData((directory, id: string) => ask(directory, 'acknowledge', { id })))
  inner('snooze', 'send the next reminder after a time, if it still lasts; the agent must be running')
    .argument('<id>', 'as the list has it')
    .argument('<time>', 'such as 30m, 4h, 1d', parsePause)
    .action(inData((directory, id: string, minutes: number) => ask(directory, 'snooze', { id, minutes })))
  inner(
    'mute',
    'send no notifications for a time: none at all, or none about one folder, checked path, destination or disk',
  )
    .argument(
      '<name>',
      'a path or name, or a disk as `holdfast disks` lists it; a time alone mutes everything',
      parseMuted,
    )
    .argument('[time]', 'such as 30m, 4h, 1d; default: until it is unmuted', parsePause)
    .action(
      inData((directory, name: string, minutes: number | undefined) =>
        minutes === undefined && !Number.isNaN(minutesIn(name))
          ? mute(directory, EVERYTHING, parsePause(name))
          : mute(directory, name, minutes ?? null),
      ),
    )
  inner('unmute', 'send notifications again')
    .argument('[name]', 'as for mute; default: everything', parsePath, EVERYTHING)
    .action(inData(unmute))
}

/** Parses the name of what is muted, or a time: everything is muted for that long. */
function parseMuted(given: string): string {
  if (!Number.isNaN(minutesIn(given))) parsePause(given)
  return parsePath(given)
}

export function parseCount(text: string): number {
  const count = toNumber(text)
  if (Number.isInteger(count) && count > 0) return count
  throw new InvalidArgumentError('It must be a whole number above 0.')
}

async function list(options: ListOptions): Promise<void> {
  const { ask, problem } = await openTimeline(options)
  if (problem !== null) console.error(terminalWords(problem))
  const none = options.lasting === true ? 'cli.incidents.noneNow' : 'cli.incidents.none'
  await printPages(ask, { most: options.most, json: options.json, format: formatEntry, none })
}

type Ask = (part: Pick<TimelineQuestion, 'before' | 'most'>) => Promise<TimelinePage>

/**
 * Reads pages from the running agent, or from its database on disk if none runs. `problem`: why the agent cannot record
 * failures now; null: it can.
 */
async function openTimeline(options: ListOptions): Promise<{ ask: Ask; problem: Message | null }> {
  const { severity = null, text = '', lasting } = options
  const lasts = lasting === true ? true : null
  if (options.store !== undefined) {
    const file = storeLayout(options.store).alerts
    const ask: Ask = async (part) =>
      readTimeline(file, timelineQuestionSchema.parse({ ...part, severity, text, lasts }))
    return { ask, problem: null }
  }
  const directory = resolveDataDirectory(options)
  const state = await runningState(directory)
  const source = options.source === undefined ? null : pathAt(settingsIn(state, directory), options.source).id
  const question = (part: Pick<TimelineQuestion, 'before' | 'most'>) =>
    timelineQuestionSchema.parse({ ...part, severity, text, lasts, source })
  if (state === null) {
    const { alerts } = getDataLayout(directory)
    return { ask: async (part) => readTimeline(alerts, question(part)), problem: null }
  }
  const ask: Ask = async (part) =>
    timelinePageSchema.parse(await sendCommand(directory, 'timeline', question(part)))
  return { ask, problem: state.notices.find(({ id }) => id === UNRECORDED)?.sentence ?? null }
}

async function show(directory: string, id: string, options: ShowOptions): Promise<void> {
  const state = await runningState(directory)
  const entry = await findEntry(directory, id)
  if (entry === null) throw new UserError('cli.incidents.unknown', { id })
  const evidence = await readEvidenceOf(directory, id, state !== null)
  if (options.json === true) {
    console.log(jsonText(options.evidence === true ? { ...entry, evidence } : entry))
    return
  }
  const isOfDisk = isDiskKind(entry.incident.kind)
  const reported = isOfDisk ? formatEvidence(evidence, options.evidence === true) : []
  // An older version keeps the evidence of an incident, and not its cause.
  const incident = { ...entry.incident, cause: entry.incident.cause ?? evidence?.cause }
  console.log([...formatEntry({ ...entry, incident }), ...formatRemedy(entry, state), ...reported].join('\n'))
}

/** Formats the commands that find or repair an ongoing failure; the commands are those of Linux. */
function formatRemedy({ incident: { endedAt, sentence } }: TimelineEntry, state: AppState | null): string[] {
  if (endedAt !== null || process.platform !== 'linux') return []
  const mount = state === null ? null : findMount(state, String(sentence.params.path))
  const commands = listRemedyCommands(sentence, mount).flatMap((text) => text.split('\n'))
  if (commands.length === 0) return []
  return [`  ${translate('cli.incidents.remedy')}`, ...commands.map((line) => `    ${quoteControls(line)}`)]
}

async function findEntry(directory: string, id: string): Promise<TimelineEntry | null> {
  const { ask } = await openTimeline({ data: directory, most: PAGE })
  let before: TimelineQuestion['before'] = null
  do {
    const page: TimelinePage = await ask({ before, most: PAGE })
    const found = page.entries.find(({ incident }) => incident.id === id)
    if (found !== undefined) return found
    before = page.next
  } while (before !== null)
  return null
}

/** Reads from the running agent, or from its database on disk if none runs. */
async function readEvidenceOf(directory: string, id: string, isRunning: boolean): Promise<Evidence | null> {
  if (isRunning) return answerSchema.parse(await sendCommand(directory, 'evidence', { id })).evidence
  const text = readEvidence(getDataLayout(directory).alerts, id)
  return text === null ? null : parseEvidence(text)
}

/** Returns what the system reported before and after a failure. @param isWhole with the lines as they are */
function formatEvidence(evidence: Evidence | null, isWhole: boolean): string[] {
  if (evidence === null) return [`  ${translate('cause.unrecorded')}`]
  const { failedAt, cause, lines, omitted, files, facts, unread } = evidence
  const unknown =
    cause.length > 0 || unread.length > 0 ? [] : [translate('cause.none', { count: lines.length })]
  const words = [...unread.map(terminalWords), ...files.map(terminalWords), ...unknown].map(
    (line) => `  ${line}`,
  )
  if (!isWhole) return words
  const format = ({ at, text }: KernelLine) => `    ${localTime(at)} ${text}`
  const part = (key: WordKey, inside: readonly string[]) =>
    inside.length === 0 ? [] : [`  ${terminalWords(message(key, { at: failedAt }))}`, ...inside]
  return [
    ...words,
    ...part('cause.before', lines.filter(({ at }) => at <= failedAt).map(format)),
    ...part('cause.after', lines.filter(({ at }) => at > failedAt).map(format)),
    ...(omitted === 0 ? [] : [`    ${translate('cause.omitted', { count: omitted })}`]),
    ...part(
      'cause.facts',
      facts.flatMap(({ place, text }) => `    ${place}: ${text.replaceAll('\n', '\n      ')}`.split('\n')),
    ),
    // A program chooses its own name, which is in the kernel's lines.
  ].map((line) => quoteControls(line.replaceAll('\t', ' ')))
}

function formatEntry({ incident, deliveries }: TimelineEntry): string[] {
  const { id, kind, startedAt, endedAt, acknowledged, sentence, cause = [] } = incident
  const subjects = getSubjects(incident)
  const end = endedAt === null ? null : describeEnd(incident)
  const others = subjects.length > 1 ? ` (+${subjects.length - 1})` : ''
  const lasted =
    endedAt === null
      ? message('cli.incidents.since', { since: startedAt })
      : message('cli.incidents.lasted', { since: startedAt, lasted: endedAt - startedAt })
  return [
    `${about(translate(`kind.${kind}`), `${subjects[0] ?? ''}${others}`)}  ${terminalWords(lasted)}`,
    ...(end === null ? [] : [`  ${terminalWords(end)}`]),
    `  ${endedAt === null ? terminalWords(sentence) : translate('window.timeline.atFirst', { text: terminalWords(sentence) })}`,
    ...cause.map((one) => `  ${terminalWords(one)}`),
    `  ${translate('cli.incidents.id', { id })}`,
    ...(acknowledged === null ? [] : [`  ${translate('cli.incidents.acknowledged', acknowledged)}`]),
    ...deliveries.map((one) => `  ${deliveryLine(one)}`),
  ]
}

function deliveryLine({ channel, channelName, what, state, at, decidedAt, reason }: NoticeDelivery): string {
  const end = translate(`cli.delivery.${state}`, { at: decidedAt ?? at })
  const name = channel === NATIVE ? translate('window.destination.here') : channelName
  const line = about(name, listed([translate(`cli.told.${what}`), end]))
  return reason === null || state === 'delivered' ? line : about(line, terminalWords(reason))
}

async function ask(directory: string, command: string, input: object): Promise<void> {
  await sendCommand(directory, command, input)
  console.log(translate('cli.incidents.done'))
}

async function mute(directory: string, given: string, minutes: number | null): Promise<void> {
  const until = minutes === null ? null : Date.now() + minutes * 60_000
  await changeMuting(directory, given, (id) => ({ command: 'mute', input: { id, until } }))
  const said =
    until === null
      ? message('cli.incidents.muted', { path: given })
      : message(given === EVERYTHING ? 'cli.incidents.allMuted' : 'cli.incidents.mutedUntil', {
          path: given,
          until,
        })
  console.log(terminalWords(said))
}

async function unmute(directory: string, given: string): Promise<void> {
  const settings = await changeMuting(directory, given, (id) => ({ command: 'unmute', input: { id } }))
  const isAll = given === EVERYTHING
  console.log(translate(isAll ? 'cli.incidents.allUnmuted' : 'cli.incidents.unmuted', { path: given }))
  const now = Date.now()
  const muted = Object.entries(settings.alerts.muted).filter(([, until]) => until === null || until > now)
  if (muted.length === 0) return
  const paths = settings.checkedPaths.map(({ id, path }) => [id, path])
  const names = { ...getNamesById(settings), ...Object.fromEntries(paths) }
  const still = muted.map(([id]) =>
    id === EVERYTHING ? translate('window.alerts.everything') : (names[id] ?? id),
  )
  console.log(translate('cli.incidents.stillMuted', { names: named(still) }))
}

/** Only a running agent has disks; an id that is muted may be of one that is gone. */
async function changeMuting(
  directory: string,
  given: string,
  asked: (id: string) => AskedCommand,
): Promise<ShownSettings> {
  const disks = (await runningState(directory))?.disks.all ?? []
  return changeSettings(directory, (settings) => {
    const isNamed = ({ id, name }: { id: string; name: string }) => id === given || name === given
    const known = [...settings.sources, ...settings.destinations, ...disks].find(isNamed)
    const isMuted = Object.hasOwn(settings.alerts.muted, given)
    return asked(known?.id ?? (isMuted || given === EVERYTHING ? given : pathAt(settings, given).id))
  })
}
