import { type Command, Option } from 'commander'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { isCounted, isSafe } from '../../core/agent/state/derived.ts'
import type { AppState, SourceState } from '../../core/agent/state/schema.ts'
import { type Failure, findFailures, findPause } from '../../core/agent/state/status.ts'
import { EVERYTHING, isDiskKind } from '../../core/alerts/kinds.ts'
import { shellWord } from '../../core/lib/i18n/formats.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { commandName } from '../../core/lib/i18n/words.ts'
import { destinationWord } from '../../core/settings/destinations.ts'
import { dataWords, inData, withDataDirectory } from '../ask/data-directory.ts'
import { askState } from '../ask/settings-change.ts'
import { formatPace, withFailures } from '../destinations/destination-line.ts'
import { heldLines, mutedLines } from '../folders/folder-lines.ts'
import { formatCounts } from '../folders/folder-state.ts'
import { exitNow } from '../terminal/exit-now.ts'
import { jsonText } from '../terminal/json.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { about, listed, named, terminalWords, translate } from '../terminal/terminal-words.ts'

interface StatusOptions {
  json?: boolean
  dismiss?: boolean
  watch?: boolean
}

/** Limits of the lists, so that all fits on one screen. */
const MOST_FAILURES = 4
const MOST_NAMED = 3
const MOST_FOLDERS = 5
const WATCH_EVERY_MS = 1_000
const CLEAR_SCREEN = '\x1b[2J\x1b[H'

/** `holdfast status`: prints what is not safe and what to do, what is safe, and what goes on. */
export function registerStatus(program: Command): void {
  const command = program
    .command('status')
    .description(
      'show what is not safe and what to do, what is safe, and what goes on; exit code 0: OK, 1: needs attention, 3: no agent runs',
    )
    .option('--watch', 'show it again at each change, until Ctrl-C (exit code 0)')
    .option('--json', 'print the whole state as JSON')
    .addOption(
      new Option(
        '--dismiss',
        'dismiss the notices that are shown; the exit code is that of the rest',
      ).conflicts('watch'),
    )
  withDataDirectory(command).action(inData(show))
}

async function show(directory: string, options: StatusOptions): Promise<void> {
  const format = (state: AppState) =>
    options.json
      ? jsonText(withFailures(state), 2)
      : describeState(state, Date.now(), dataWords(directory)).join('\n')
  if (options.watch) return watch(directory, format)
  const state = await askState(directory)
  console.log(format(state))
  if (options.dismiss) await dismissNotices(directory, state)
  const { level } = (options.dismiss ? await askState(directory) : state).status
  process.exitCode = level === 'failing' || level === 'attention' ? 1 : 0
}

/** Prints the status at each change, or why there is none. An agent that ends or does not answer is awaited. */
async function watch(directory: string, format: (state: AppState) => string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => exitNow(0))
  let shown = ''
  for (;;) {
    const text = await askState(directory).then(format, (error: unknown) => {
      if (error instanceof UserError) return terminalWords(error.sentence)
      throw error
    })
    if (text !== shown) console.log(process.stdout.isTTY ? `${CLEAR_SCREEN}${text}` : text)
    shown = text
    await new Promise((resolve) => setTimeout(resolve, WATCH_EVERY_MS))
  }
}

/** Dismisses only the notices that were printed: newer ones are still unread. */
async function dismissNotices(directory: string, { notices }: AppState): Promise<void> {
  for (const { id } of notices) {
    await sendCommand(directory, 'dismissNotice', { id })
  }
}

/**
 * Formats the state as the lines of one screen. A sentence may contain a file name, which may have any characters.
 *
 * @param now milliseconds since 1970
 * @param data the option of the data directory that the commands need
 */
export function describeState(state: AppState, now: number = Date.now(), data = ''): string[] {
  const type = (words: string) => `    ${quoteControls(`${commandName()} ${words}${data}`)}`
  const more = (count: number, words: string) =>
    count > 0 ? [`  ${translate('cli.status.more', { count })} ${type(words).trim()}`] : []
  const [first, ...others] = findFailures(state, now)
  const { sentence, detail } = state.status
  const said = [sentence, ...(detail === null ? [] : [detail])].map(terminalWords)
  const failing = (failure: Failure) => [
    ...(failure.cause ?? []).slice(0, 1).map((one) => `  ${terminalWords(one)}`),
    ...commandsFor(state, failure).map(type),
    ...(DECISIONS.has(failure.kind) ? decisionLines(state, failure) : []),
  ]
  const shown = others.slice(0, MOST_FAILURES - 1)
  const notices = state.notices
    .map((one) => terminalWords(one.sentence))
    .filter((line) => !said.includes(line))
  return [
    ...said,
    ...(first === undefined ? calmCommands(state).map(type) : failing(first)),
    ...shown.flatMap((one) => [
      `${terminalWords(one.sentence)} ${one.detail === null ? '' : terminalWords(one.detail)}`.trimEnd(),
      ...failing(one),
    ]),
    ...more(others.length - shown.length, 'failures --lasting'),
    ...notices.slice(0, MOST_NAMED),
    ...(state.notices.length > 0 && !first?.id.startsWith('notice:') ? [type('status --dismiss')] : []),
    ...state.parked.slice(0, MOST_NAMED).map(parkedLine),
    ...safeLines(state, more),
    ...activityLines(state),
  ]
}

const DECISIONS: ReadonlySet<Failure['kind']> = new Set(['emptied', 'deleted', 'marked'])

const decisionLines = (state: AppState, { subjects }: Failure): string[] =>
  state.sources
    .filter(({ settings }) => subjects.includes(settings.id))
    .flatMap((source) => heldLines(state, source).map((line) => `  ${line}`))

/** Only a notice of the agent ends when it is dismissed. */
function commandsForNotice(id: string): string[] {
  const [, part = '', of = ''] = /^([a-z]+):(.*)$/s.exec(id) ?? []
  if (part === 'notice') return ['status --dismiss']
  if (part === 'channel' || part === 'delivery') return [`channels test ${shellWord(of)}`]
  return [part === 'sink' ? `events sinks test ${shellWord(of)}` : 'failures --lasting']
}

/** Returns the commands that show or mend a failure. */
function commandsFor(state: AppState, { id, kind, subjects }: Failure): string[] {
  const folders = state.sources.filter(({ settings }) => subjects.includes(settings.id))
  const folder = folders.slice(0, 1).map(({ settings }) => shellWord(settings.path))
  const destination = state.destinations
    .filter((one) => subjects.includes(one.id) || id.endsWith(`:${one.id}`))
    .map((one) => destinationWord(state.destinations, one.id))
  const of = (names: readonly string[], words: string) => names.slice(0, 1).map((name) => `${words} ${name}`)
  if (isDiskKind(kind)) return ['failures --lasting']
  switch (kind) {
    // heldLines has them, with what each does.
    case 'emptied':
    case 'deleted':
    case 'marked':
      return []
    case 'parked':
      return of(folder, 'folders retry')
    case 'damaged':
      return destination.length === 0 ? ['failures --lasting'] : of(destination, 'verify --repair')
    case 'unreachable':
    case 'refused':
    case 'destination':
      return destination.length === 0 ? ['destinations'] : of(destination, 'destinations test')
    case 'disk-health':
      return ['disks']
    case 'sender-silent':
    case 'sender-failing':
    case 'low-space':
      return ['stations']
    case 'computer-failing':
    case 'computer-attention':
    case 'computer-silent':
      return ['computers']
    case 'expected':
      return ['folders expected --missing']
    case 'paused':
      return ['folders resume']
    case 'notice':
      return commandsForNotice(id)
    default:
      return ['failures --lasting']
  }
}

/** Returns the next step where nothing fails. */
function calmCommands({ status, sources, settings }: AppState): string[] {
  if (settings.pause !== null) return ['folders resume']
  if (status.sentence.key === 'status.nothingYet') return ['folders add FOLDER']
  if (status.sentence.key === 'status.copiedHere') return ["pair 'CODE'"]
  if (status.sentence.key === 'status.pausedSource')
    return sources
      .filter((one) => one.settings.paused)
      .slice(0, 1)
      .map((one) => `folders resume ${shellWord(one.settings.path)}`)
  return []
}

/** Lists the folders with their files and destinations, those with waiting or parked files first. */
function safeLines(state: AppState, more: (count: number, words: string) => string[]): string[] {
  const left = ({ totals }: SourceState) => totals.parkedFiles * 1e12 + totals.waitingFiles
  const groups = [true, false].map((isElsewhere) =>
    state.sources
      .filter((source) => destinationsOf(state, source).some(isSafe) === isElsewhere)
      .sort((one, other) => left(other) - left(one)),
  )
  const [safe = [], here = []] = groups
  const part = (
    title: 'cli.status.safe' | 'cli.status.here',
    sources: readonly SourceState[],
    most: number,
  ) =>
    sources.length === 0
      ? []
      : [
          translate(title),
          ...sources.slice(0, most).map((one) => `  ${folderLine(state, one)}`),
          ...more(sources.length - most, 'folders'),
        ]
  return [
    ...part('cli.status.here', here, safe.length === 0 ? MOST_FOLDERS : MOST_NAMED),
    ...part('cli.status.safe', safe, MOST_FOLDERS),
  ]
}

const destinationsOf = (state: AppState, { destinations }: SourceState) =>
  state.destinations.filter(({ id }) => destinations.some((one) => one.id === id))

function folderLine(state: AppState, source: SourceState): string {
  const names = destinationsOf(state, source).map(({ kind, name }) =>
    kind === 'embedded' ? translate('window.destination.here') : quoteControls(name),
  )
  // The counts are unknown before the ledger has answered.
  const counts = isCounted(source) ? formatCounts(source.totals) : translate('window.phase.starting')
  return translate('cli.status.folder', { name: source.settings.name, counts, names: named(names) })
}

/** Formats the pause, which a graver status would hide, the pace, and the limit. */
function activityLines(state: AppState): string[] {
  const pause = state.status.level === 'paused' ? null : findPause(state)
  const pace = formatPace(state.rate, state.left)
  const lines = [
    ...(pause === null ? [] : [terminalWords(pause)]),
    ...mutedLines(state.settings, EVERYTHING),
    ...(pace.length > 0 ? [listed(pace)] : []),
    ...allowanceLines(state),
    ...surroundingLines(state),
  ]
  return lines.length === 0 ? [] : [translate('cli.status.now'), ...lines.map((line) => `  ${line}`)]
}

/** Formats a parked file: sending was given up, and the user has to act. */
function parkedLine({ path, reason }: AppState['parked'][number]): string {
  const why = reason === null ? '' : terminalWords(reason)
  return `  ${translate('cli.status.parked', { path, reason: why })}`
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
