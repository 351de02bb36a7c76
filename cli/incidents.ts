import { type Command, InvalidArgumentError } from 'commander'
import { z } from 'zod'
import { sendCommand } from '../core/agent/control-socket.ts'
import { UNRECORDED } from '../core/agent/state/derived.ts'
import { NATIVE } from '../core/alerts/channels/catalog.ts'
import {
  type NoticeDelivery,
  type TimelineEntry,
  type TimelinePage,
  type TimelineQuestion,
  timelinePageSchema,
  timelineQuestionSchema,
} from '../core/alerts/incident.ts'
import { describeEnd, getSubjects, isDiskKind, type Severity, severities } from '../core/alerts/kinds.ts'
import { readEvidence, readTimeline } from '../core/alerts/store/database.ts'
import { type Evidence, evidenceSchema, type KernelLine } from '../core/check/evidence/evidence-messages.ts'
import { type Message, message } from '../core/lib/i18n/message.ts'
import { UserError } from '../core/lib/i18n/user-error.ts'
import { getAlertsFile } from '../core/receive/service/receiver-alerting.ts'
import { getDataLayout } from '../core/settings/data-directory.ts'
import { storeLayout } from '../core/store/layout.ts'
import { parseSeverity } from './channel-options.ts'
import { getDataDirectory, resolveDataDirectory, withDataDirectory } from './data-directory.ts'
import { jsonText } from './json.ts'
import { pathAt } from './known-path.ts'
import { parsePause } from './option-words.ts'
import { parsePath } from './path-words.ts'
import { changeSettings, runningState, settingsIn } from './settings-change.ts'
import { about, listed, terminalWords, translate } from './terminal-words.ts'

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
  data?: string
  evidence?: boolean
  json?: boolean
}

const PAGE = 100
const answerSchema = z.object({ evidence: evidenceSchema.nullable() })

/** `holdfast incidents`: lists failures and their notifications; mutes and unmutes paths. */
export function registerIncidents(program: Command): void {
  const command = program
    .command('incidents')
    .description('list failures, their ends and notifications; or silence them')
    .option('--store <directory>', "those of a receiver's store", parsePath)
    .option('--json', 'one JSON object a line, newest first')
    .option('--most <number>', 'how many at most', parseCount, 50)
    .option('--severity <severity>', severities.join(' or '), parseSeverity)
    .option('--source <path>', 'only those of this directory or checked path', parsePath)
    .option('--text <text>', 'only those whose paths contain it')
    .option('--lasting', 'only those that have not ended')
  withDataDirectory(command).action(list)
  const inner = (usage: string, description: string) =>
    withDataDirectory(command.command(usage).description(description))
  inner('show', 'show one failure with its cause, and what the system reported about it')
    .argument('<id>', 'as the list has it')
    .option('--evidence', 'with the lines of the system, as they are')
    .option('--json', 'one JSON object')
    .action(show)
  inner('acknowledge', 'stop reminders of it until it ends; the agent must be running')
    .argument('<id>', 'as the list has it')
    .action((id: string, _: object, self: Command) => ask(getDataDirectory(self), 'acknowledge', { id }))
  inner('snooze', 'send the next reminder after a time, if it still lasts; the agent must be running')
    .argument('<id>', 'as the list has it')
    .argument('<time>', 'such as 30m, 4h, 1d', parsePause)
    .action((id: string, minutes: number, _: object, self: Command) =>
      ask(getDataDirectory(self), 'snooze', { id, minutes }),
    )
  inner(
    'mute',
    'send no notifications about a directory or a checked path, for a time or until it is unmuted',
  )
    .argument('<path>', 'its path or name', parsePath)
    .argument('[time]', 'such as 30m, 4h, 1d', parsePause)
    .action((path: string, minutes: number | undefined, _: object, self: Command) =>
      mute(getDataDirectory(self), path, minutes ?? null),
    )
  inner('unmute', 'send notifications about a directory or a checked path again')
    .argument('<path>', 'its path or name', parsePath)
    .action((path: string, _: object, self: Command) => unmute(getDataDirectory(self), path))
}

export function parseCount(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count > 0) return count
  throw new InvalidArgumentError('It must be a whole number above 0.')
}

async function list(options: ListOptions): Promise<void> {
  const { ask, problem } = await openTimeline(options)
  if (problem !== null) console.error(terminalWords(problem))
  let before: TimelineQuestion['before'] = null
  let left = options.most
  let count = 0
  do {
    const page: TimelinePage = await ask({ before, most: Math.min(PAGE, left) })
    for (const entry of page.entries) {
      count += 1
      if (options.json === true) console.log(jsonText(entry))
      else console.log(formatEntry(entry).join('\n'))
    }
    left -= page.entries.length
    before = page.next
  } while (before !== null && left > 0)
  const none = options.lasting === true ? 'cli.incidents.noneNow' : 'cli.incidents.none'
  if (count === 0 && options.json !== true) console.log(translate(none))
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
    const file = getAlertsFile(storeLayout(options.store))
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

async function show(id: string, options: ShowOptions, self: Command): Promise<void> {
  const directory = resolveDataDirectory({ ...options, data: getDataDirectory(self) })
  const entry = await findEntry(directory, id)
  if (entry === null) throw new UserError('cli.incidents.unknown', { id })
  const evidence = await readEvidenceOf(directory, id)
  if (options.json === true) {
    console.log(jsonText(options.evidence === true ? { ...entry, evidence } : entry))
    return
  }
  const isOfDisk = isDiskKind(entry.incident.kind)
  const reported = isOfDisk ? formatEvidence(evidence, options.evidence === true) : []
  // An older version keeps the evidence of an incident, and not its cause.
  const incident = { ...entry.incident, cause: entry.incident.cause ?? evidence?.cause }
  console.log([...formatEntry({ ...entry, incident }), ...reported].join('\n'))
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
async function readEvidenceOf(directory: string, id: string): Promise<Evidence | null> {
  if ((await runningState(directory)) !== null)
    return answerSchema.parse(await sendCommand(directory, 'evidence', { id })).evidence
  const text = readEvidence(getDataLayout(directory).alerts, id)
  return text === null ? null : evidenceSchema.parse(JSON.parse(text))
}

/** Returns what the system reported before and after a failure. @param isWhole with the lines as they are */
function formatEvidence(evidence: Evidence | null, isWhole: boolean): string[] {
  if (evidence === null) return [`  ${translate('cause.unrecorded')}`]
  const { failedAt, cause, lines, omitted, facts, unread } = evidence
  const unknown =
    cause.length > 0 || unread.length > 0 ? [] : [translate('cause.none', { count: lines.length })]
  const words = [...unread.map(terminalWords), ...unknown].map((line) => `  ${line}`)
  if (!isWhole) return words
  const isBefore = ({ at }: KernelLine) => at <= failedAt
  const format = ({ at, text }: KernelLine) => `    ${new Date(at).toISOString()} ${text}`
  const more = omitted === 0 ? [] : [`    ${translate('cause.omitted', { count: omitted })}`]
  return [
    ...words,
    `  ${translate('cause.before')}`,
    ...lines.filter(isBefore).map(format),
    `  ${translate('cause.failure', { at: failedAt })}`,
    ...lines.filter((line) => !isBefore(line)).map(format),
    ...more,
    `  ${translate('cause.facts')}`,
    ...facts.map(({ place, text }) => `    ${place}: ${text.replaceAll('\n', '\n      ')}`),
  ]
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
    `  ${terminalWords(sentence)}`,
    ...cause.map((one) => `  ${terminalWords(one)}`),
    ...(end === null ? [] : [`  ${terminalWords(end)}`]),
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

async function mute(directory: string, path: string, minutes: number | null): Promise<void> {
  const until = minutes === null ? null : Date.now() + minutes * 60_000
  await changeSettings(directory, (settings) => ({
    command: 'mute',
    input: { id: pathAt(settings, path).id, until },
  }))
  const said =
    until === null
      ? message('cli.incidents.muted', { path })
      : message('cli.incidents.mutedUntil', { path, until })
  console.log(terminalWords(said))
}

async function unmute(directory: string, path: string): Promise<void> {
  await changeSettings(directory, (settings) => ({
    command: 'unmute',
    input: { id: pathAt(settings, path).id },
  }))
  console.log(translate('cli.incidents.unmuted', { path }))
}
