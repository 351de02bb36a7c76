import type { Command } from 'commander'
import { sendCommand } from '../core/agent/control-socket.ts'
import {
  findKeepers,
  findRemovalObstacle,
  getScanActivity,
  isCounted,
  isOldVerdict,
} from '../core/agent/state/derived.ts'
import type { AppState, SourceDestination, SourceState } from '../core/agent/state/schema.ts'
import { findPause } from '../core/agent/state/status.ts'
import { type Message, message } from '../core/lib/i18n/message.ts'
import { describeComputer } from './computers.ts'
import { resolveDataDirectory, withDataDirectory } from './data-directory.ts'
import { destinationLine, formatPace, withFailures } from './destination-line.ts'
import { jsonText } from './json.ts'
import { heldLines, mutedLines } from './path-lines.ts'
import { quoteControls } from './quote-controls.ts'
import { askState } from './settings-change.ts'
import { about, listed, terminalWords, translate } from './terminal-words.ts'

interface StatusOptions {
  data?: string
  json?: boolean
  dismiss?: boolean
}

/** `holdfast status`: prints the sentence of the tray icon; exits with 0 if well, 1 if attention is needed. */
export function registerStatus(program: Command): void {
  const command = program
    .command('status')
    .description('show the status of the running agent; exit code 0: OK, 1: needs attention, 3: not running')
    .option('--json', 'print the whole state as JSON')
    .option('--dismiss', 'dismiss the notices that are shown; the exit code is that of the rest')
  withDataDirectory(command).action(async (options: StatusOptions) => {
    const directory = resolveDataDirectory(options)
    const state = await askState(directory)
    console.log(options.json ? jsonText(withFailures(state), 2) : describeState(state).join('\n'))
    if (options.dismiss) await dismissNotices(directory, state)
    const { level } = (options.dismiss ? await askState(directory) : state).status
    process.exitCode = level === 'failing' || level === 'attention' ? 1 : 0
  })
}

/** Dismisses only the notices that were printed: newer ones are still unread. */
async function dismissNotices(directory: string, { notices }: AppState): Promise<void> {
  for (const { id } of notices) {
    await sendCommand(directory, 'dismissNotice', { id })
  }
}

/**
 * Formats the state as lines for a terminal. A sentence may contain a file name, which may have any characters.
 *
 * @param now milliseconds since 1970
 */
export function describeState(state: AppState, now: number = Date.now()): string[] {
  const { sentence, detail, more = [] } = state.status
  const said = [sentence, ...(detail === null ? [] : [detail]), ...more].map(terminalWords)
  const verdict = (checked: AppState['checkedPaths'][number]['checked']) => {
    if (checked === null) return translate('window.health.unknown')
    // As on the cards: a failure stays valid until recovery, "OK" expires.
    const isOld = isOldVerdict(checked, state.settings.check.intervalSeconds, now)
    if (checked.overall.kind === 'ok' && isOld) return translate('window.health.old')
    return terminalWords(checked.overall.sentence)
  }
  return [
    ...said,
    ...pauseLines(state),
    ...state.notices.map((notice) => terminalWords(notice.sentence)).filter((line) => !said.includes(line)),
    ...state.parked.map(parkedLine),
    ...state.sources.flatMap((source) => sourceLines(state, source, verdict)),
    ...state.checkedPaths.flatMap(({ id, path, checked }) => [
      about(path, verdict(checked)),
      ...mutedLines(state.settings, id).map((line) => `  ${line}`),
    ]),
    ...state.destinations.map((destination) =>
      translate('cli.status.destination', { line: destinationLine(state, destination) }),
    ),
    ...state.computers.map((one) => about(quoteControls(one.name), describeComputer(one))),
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
  const looking = translate(`window.phase.${getScanActivity(source)}`)
  const pace = formatPace(rate, left)
  return [
    `${quoteControls(settings.name)}  ${quoteControls(settings.path)}`,
    `  ${verdict(checked)}`,
    // The counts are unknown before the ledger has answered.
    `  ${isCounted(source) ? listed([looking, formatCounts(totals)]) : looking}`,
    ...(state.destinations.length > 1
      ? destinations.map((one) => `  ${formatDestinationCounts(state, one)}`)
      : []),
    ...goneLines(state, source),
    ...openLines(scanned),
    ...(pace.length > 0 ? [`  ${listed(pace)}`] : []),
    ...(settings.paused ? [`  ${translate('window.phase.paused')}`] : []),
    ...mutedLines(state.settings, settings.id).map((line) => `  ${line}`),
    ...(settings.deleteAfter === null
      ? []
      : [`  ${terminalWords(describeRemoval(state, destinations, settings.deleteAfter))}`]),
    ...heldLines(state, source).map((line) => `  ${line}`),
    ...(scanned?.problems ?? []).map((problem) => `  ${terminalWords(problem)}`),
  ]
}

/** Formats the files that are gone here: deleted by others, or removed by Holdfast after they were sent. */
function goneLines(state: AppState, source: SourceState): string[] {
  const { deletedFiles, deletedBytes, removedFiles, removedBytes } = source.totals
  const destinations = findKeepers(state, [source])
  const deleted =
    destinations === ''
      ? translate('cli.status.deletedHere', { count: deletedFiles, size: deletedBytes })
      : translate('cli.status.deleted', { count: deletedFiles, size: deletedBytes, destinations })
  return [
    ...(deletedFiles > 0 ? [`  ${deleted}`] : []),
    ...(removedFiles > 0
      ? [`  ${translate('cli.status.removed', { count: removedFiles, size: removedBytes })}`]
      : []),
  ]
}

/** Formats the open files: they are sent when their programs close them. */
function openLines(scanned: SourceState['scanned']): string[] {
  if (scanned?.open == null) return []
  const { files, since, path } = scanned.open
  return [`  ${translate('cli.status.open', { count: files, since, path })}`]
}

const formatCounts = ({
  sentFiles,
  sentBytes,
  waitingFiles,
  waitingBytes,
  parkedFiles,
}: SourceState['totals']) =>
  translate('cli.status.counts', { sentFiles, sentBytes, waitingFiles, waitingBytes, parkedFiles })

/** Formats a parked file: sending was given up, and the user has to act. */
function parkedLine({ path, reason }: AppState['parked'][number]): string {
  const why = reason === null ? '' : terminalWords(reason)
  return `  ${translate('cli.status.parked', { path, reason: why })}`
}

/** Formats the pause of sending, which a graver status would hide. */
function pauseLines(state: AppState): string[] {
  const pause = state.status.level === 'paused' ? null : findPause(state)
  return pause === null ? [] : [terminalWords(pause)]
}

/** Formats a source's counts at one of several destinations. */
function formatDestinationCounts(state: AppState, { id, totals }: SourceDestination): string {
  const name = state.destinations.find((one) => one.id === id)?.name ?? id
  const { sentFiles, waitingFiles, parkedFiles } = totals
  return translate('cli.status.countsThere', { name, sentFiles, waitingFiles, parkedFiles })
}

function describeRemoval(
  state: AppState,
  destinations: readonly SourceDestination[],
  { hours }: { hours: number },
): Message {
  const mine = state.destinations.filter(({ id }) => destinations.some((one) => one.id === id))
  return findRemovalObstacle(mine) ?? message('cli.status.deleteAfter', { after: hours * 3_600_000 })
}

/** Formats the present limit and its end, if there is one. */
function allowanceLines({ allowance: { now, until }, settings }: AppState): string[] {
  const hasRules = settings.send.schedule.length > 0
  if (now.kind === 'free' && !hasRules) return []
  const what =
    now.kind === 'limit'
      ? translate('cli.limit.atMost', { rate: now.bytesPerSecond })
      : translate(now.kind === 'free' ? 'cli.limit.none' : 'cli.limit.pause')
  return [
    until === null
      ? translate('cli.status.limit', { limit: what })
      : translate('cli.status.limitUntil', { limit: what, until }),
  ]
}

/** Formats the pauses on battery and on a metered network, and their present state. */
function surroundingLines({ settings: { send }, surroundings: { battery, metered } }: AppState): string[] {
  const line = (what: 'cli.limit.onBattery' | 'cli.limit.onMetered', answer: typeof battery) =>
    about(translate(what), translate(`cli.status.answer.${answer}`))
  return [
    ...(send.pauseOnBattery ? [line('cli.limit.onBattery', battery)] : []),
    ...(send.pauseOnMetered ? [line('cli.limit.onMetered', metered)] : []),
  ]
}
