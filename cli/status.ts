import type { Command } from 'commander'
import { sendCommand } from '../core/agent/control-socket.ts'
import { isCounted, isOldVerdict, type Looking, lookingOf } from '../core/agent/state/derived.ts'
import {
  type AppState,
  type SourceDestination,
  type SourceState,
  stateSnapshotSchema,
} from '../core/agent/state/schema.ts'
import { pauseOf } from '../core/agent/state/status.ts'
import { formatBytes, formatDuration, formatTime } from '../core/words/formats.ts'
import type { Message } from '../core/words/message.ts'
import { message } from '../core/words/message.ts'
import { Problem } from '../core/words/problem.ts'
import { dataDirectoryOf, withDataDirectory } from './data-directory.ts'
import { destinationLine } from './destination-line.ts'
import { jsonText } from './json.ts'
import { outcomeOf } from './outcome.ts'
import { mutedLines } from './path-lines.ts'
import { quoteControls } from './quote-controls.ts'
import { terminalWords } from './terminal-words.ts'

interface StatusOptions {
  data?: string
  json?: boolean
  dismiss?: boolean
}

/** `holdfast status`: the same sentence as the tray icon; exits 0 when well, 1 when something needs a person. */
export function registerStatus(program: Command): void {
  const command = program
    .command('status')
    .description('say how the running agent is; exit code 0: well, 1: needs attention, 3: not running')
    .option('--json', 'print the whole state as JSON')
    .option(
      '--dismiss',
      'put away the notices that are shown: they have been read; the exit code is of what is left',
    )
  withDataDirectory(command).action(async (options: StatusOptions) => {
    const directory = dataDirectoryOf(options)
    const state = await stateOf(directory)
    console.log(options.json ? jsonText(state, 2) : describeState(state).join('\n'))
    if (options.dismiss) await dismissNotices(directory, state)
    const { level } = (options.dismiss ? await stateOf(directory) : state).status
    process.exitCode = level === 'failing' || level === 'attention' ? 1 : 0
  })
}

async function stateOf(directory: string): Promise<AppState> {
  return stateSnapshotSchema.parse(await sendCommand(directory, 'snapshot', {})).state
}

/** Only those that were shown: what has come since was read by nobody. */
async function dismissNotices(directory: string, { notices }: AppState): Promise<void> {
  for (const { id } of notices) {
    const refusal = outcomeOf(await sendCommand(directory, 'dismissNotice', { id }))
    if (refusal !== null) throw new Problem(refusal.key, refusal.params)
  }
}

/**
 * The state as lines for a terminal. A sentence may name a file, whose name may be anything.
 *
 * @param now milliseconds since 1970
 */
export function describeState(state: AppState, now: number = Date.now()): string[] {
  const { sentence, detail } = state.status
  const said = terminalWords(sentence)
  const verdict = (checked: AppState['checkedPaths'][number]['checked']) => {
    if (checked === null) return terminalWords(message('window.health.unknown'))
    // As each card has it: trouble stays until it is over, "well" does not last.
    const isOld = isOldVerdict(checked, state.settings.check.intervalSeconds, now)
    if (checked.overall.kind === 'ok' && isOld) return terminalWords(message('window.health.old'))
    return terminalWords(checked.overall.sentence)
  }
  return [
    said,
    ...(detail === null ? [] : [terminalWords(detail)]),
    ...pauseLines(state),
    ...state.notices.map((notice) => terminalWords(notice.sentence)).filter((line) => line !== said),
    ...state.parked.map(parkedLine),
    ...state.sources.flatMap((source) => sourceLines(state, source, verdict)),
    ...state.checkedPaths.flatMap(({ id, path, checked }) => [
      `${quoteControls(path)}: ${verdict(checked)}`,
      ...mutedLines(state.settings, id).map((line) => `  ${line}`),
    ]),
    ...state.destinations.map((destination) => `destination: ${destinationLine(destination)}`),
    ...allowanceLines(state),
    ...surroundingLines(state),
  ]
}

function sourceLines(
  state: AppState,
  source: SourceState,
  verdict: (checked: SourceState['checked']) => string,
): string[] {
  const { settings, checked, scanned, destinations, totals, rate, left } = source
  return [
    `${quoteControls(settings.name)}  ${quoteControls(settings.path)}`,
    `  ${verdict(checked)}`,
    `  ${lookingWord(source)}${isCounted(source) ? `, ${counts(totals)}` : ''}`,
    ...(state.destinations.length > 1 ? destinations.map((one) => `  ${placeOf(state, one)}`) : []),
    ...(rate > 0 || left !== null ? [`  ${pace(rate, left)}`] : []),
    ...(settings.paused ? ['  paused'] : []),
    ...mutedLines(state.settings, settings.id).map((line) => `  ${line}`),
    ...(settings.deleteAfter === null
      ? []
      : [`  ${terminalWords(removalOf(state, destinations, settings.deleteAfter))}`]),
    ...(scanned?.problems ?? []).map((problem) => `  ${terminalWords(problem)}`),
  ]
}

/** Before the ledger has answered nothing is said of it. */
function counts({
  sentFiles,
  sentBytes,
  waitingFiles,
  waitingBytes,
  parkedFiles,
}: SourceState['totals']): string {
  return (
    `${sentFiles} sent (${formatBytes(sentBytes, 'en')}), ` +
    `${waitingFiles} waiting (${formatBytes(waitingBytes, 'en')}), ${parkedFiles} parked`
  )
}

const LOOKING_WORDS: Partial<Record<Looking, string>> = {
  disk: 'waiting for the disk',
  partly: 'partly watched',
}

function lookingWord(source: SourceState): string {
  const looking = lookingOf(source)
  return LOOKING_WORDS[looking] ?? looking
}

/** A file that was given up: a person has to see to it. */
function parkedLine({ path, reason }: AppState['parked'][number]): string {
  const why = reason === null ? '' : terminalWords(reason)
  return `  ${terminalWords(message('cli.status.parked', { path: quoteControls(path), reason: why }))}`
}

/** What is graver comes first; that nothing is sent meanwhile is said all the same. */
function pauseLines(state: AppState): string[] {
  const pause = state.status.level === 'paused' ? null : pauseOf(state)
  return pause === null ? [] : [terminalWords(pause)]
}

/** What one of several destinations has of a source. */
function placeOf(state: AppState, { id, totals }: SourceDestination): string {
  const name = state.destinations.find((one) => one.id === id)?.name ?? id
  return `→ ${quoteControls(name)}: ${totals.sentFiles} sent, ${totals.waitingFiles} waiting, ${totals.parkedFiles} parked`
}

function pace(rate: number, left: number | null): string {
  const parts = [
    ...(rate > 0 ? [`${formatBytes(rate, 'en')}/s`] : []),
    ...(left === null ? [] : [`about ${formatDuration(left, 'en')} left`]),
  ]
  return parts.join(', ')
}

/** A copy on the same computer is no reason to delete anything. */
function removalOf(
  state: AppState,
  destinations: readonly SourceDestination[],
  { hours }: { hours: number },
): Message {
  const mine = state.destinations.filter(({ id }) => destinations.some((one) => one.id === id))
  return mine.some(({ elsewhere }) => elsewhere)
    ? message('cli.status.deleteAfter', { after: hours * 3_600_000 })
    : message('cli.status.deleteLater')
}

/** The limit that holds now, if there is one, and until when. */
function allowanceLines({ allowance: { now, until }, settings }: AppState): string[] {
  const hasRules = settings.send.schedule.length > 0
  if (now.kind === 'free' && !hasRules) return []
  const what =
    now.kind === 'limit'
      ? `at most ${formatBytes(now.bytesPerSecond, 'en')}/s`
      : now.kind === 'free'
        ? 'none'
        : 'pause'
  return [`limit: ${what}${until === null ? '' : `, until ${formatTime(until, 'en')}`}`]
}

const ANSWERS: Record<AppState['surroundings']['battery'], string> = {
  yes: 'now',
  no: 'not now',
  unasked: 'not known yet',
  unknown: 'no, NetworkManager does not say whether it is',
  unsupported: 'no, not supported on this system',
}

/** What sending waits for besides, and whether it does. */
function surroundingLines({ settings: { send }, surroundings: { battery, metered } }: AppState): string[] {
  return [
    ...(send.pauseOnBattery ? [`pause on battery: ${ANSWERS[battery]}`] : []),
    ...(send.pauseOnMetered ? [`pause on a metered network: ${ANSWERS[metered]}`] : []),
  ]
}
