import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type CommandInput, type CommandOutput, commands } from '../../core/agent/contract.ts'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { minutesUntilTomorrow } from '../../core/agent/state/derived.ts'
import { dropError } from '../../core/dropped-errors.ts'
import { shellWord } from '../../core/lib/i18n/formats.ts'
import { message } from '../../core/lib/i18n/message.ts'
import type { MarkedAnswer } from '../../core/scan/scanner-messages.ts'
import { getSource } from '../../core/settings/changes.ts'
import {
  findBefore,
  findFirstExpected,
  formatTimetable,
  type NextExpected,
} from '../../core/settings/expected/first.ts'
import { convertPercent } from '../../core/settings/expected/pattern.ts'
import { findOddPatterns } from '../../core/settings/patterns.ts'
import {
  type ExpectedFiles,
  expectedFilesSchema,
  MOST_EXPECTED_RULES,
  type Source,
} from '../../core/settings/schema.ts'
import { dataWords } from '../ask/data-directory.ts'
import { checkedPathAt, pathAt, sourceAt } from '../ask/known-path.ts'
import { askState, changeSettings, runningState, settingsIn, settingsNow } from '../ask/settings-change.ts'
import { jsonText } from '../terminal/json.ts'
import { localTime } from '../terminal/moment.ts'
import { omitUndefined } from '../terminal/omit-undefined.ts'
import { NONE } from '../terminal/option-words.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { terminalWords, translate } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'
import { LOCAL, type RuleOptions } from './expect-options.ts'
import type { FilterOptions } from './filter-options.ts'
import { type FilterChanges, toFilterChanges } from './filter-options.ts'
import { expectedLine, linkLines, pathLines, sourceLines } from './folder-lines.ts'
import { describeFolders } from './folder-state.ts'

interface AddOptions extends FilterOptions {
  batch?: boolean
  prefix?: string
  to?: string[]
}

// The actions of `holdfast folders`.

const LOOK_EVERY_MS = 100
/** About five seconds: a rule's state comes at once, unless files are due that a large source is compared for. */
const MOST_LOOKS = 50

const SAID = { confirm: 'cli.paths.confirmed', send: 'cli.paths.sending' } as const

export const answerMarked =
  (answer: MarkedAnswer) =>
  async (dataDirectory: string, given: string, { json }: { json?: boolean }): Promise<void> => {
    const { sources, settings } = await askState(dataDirectory)
    const { id, path } = sourceAt(settings, given)
    const marked = sources.find((one) => one.settings.id === id)?.scanned?.marked
    await sendCommand(dataDirectory, 'answerMarked', { id, answer })
    const files = marked?.files ?? 0
    console.log(json ? jsonText({ path, answer, files }) : translate(SAID[answer], { path, count: files }))
  }

export async function list(dataDirectory: string, { json }: { json?: boolean }): Promise<void> {
  const agent = await runningState(dataDirectory)
  const settings = settingsIn(agent, dataDirectory)
  const { sources, checkedPaths } = settings
  const oddPatterns = sources.flatMap(({ id, path: root, ignore }) =>
    findOddPatterns(ignore, root).map((one) => ({ source: id, ...one })),
  )
  if (json) console.log(jsonText({ sources, checkedPaths, oddPatterns }, 2))
  else if (sources.length + checkedPaths.length === 0) console.log(translate('cli.paths.none'))
  else console.log([...pathLines(settings), ...(agent === null ? [] : describeFolders(agent))].join('\n'))
}

export async function add(
  dataDirectory: string,
  given: string,
  { batch = false, prefix, to, ...filters }: AddOptions,
): Promise<void> {
  const kind = batch || prefix !== undefined ? 'batch' : undefined
  const input = {
    path: path.resolve(given),
    ...toFilterChanges(filters),
    ...omitUndefined({ kind, prefix, to }),
  }
  const after = await changeSettings(dataDirectory, () => ({ command: 'addSource', input }))
  console.log(sourceLines(after, sourceAt(after, given)).join('\n'))
}

export async function change(dataDirectory: string, given: string, changes: FilterChanges): Promise<void> {
  if (Object.keys(changes).length === 0) throw new WrongUsage('cli.paths.changeWhat')
  let id = ''
  const after = await changeSettings(dataDirectory, (settings) => {
    const source = sourceAt(settings, given)
    if (changes.batch !== undefined && source.kind !== 'batch')
      throw new WrongUsage('cli.paths.noBatches', { path: source.path })
    id = source.id
    return { command: 'changeSource', input: { id, changes } }
  })
  // The user may have given the former name: the source is found by its id.
  console.log(sourceLines(after, getSource(after, id)).join('\n'))
}

interface PauseOptions {
  for?: number
  untilTomorrow?: boolean
}

/** Pauses sending of one directory, or, as the tray's menu does, of all. */
export async function pause(
  dataDirectory: string,
  given: string | undefined,
  { for: minutes, untilTomorrow = false }: PauseOptions,
): Promise<void> {
  if (minutes !== undefined && untilTomorrow) throw new WrongUsage('cli.pause.twoEnds')
  if (given !== undefined && (minutes !== undefined || untilTomorrow))
    throw new WrongUsage('cli.pause.allOnly')
  if (given !== undefined) return pauseOne(dataDirectory, given, true)
  const { pause: until } = await changeSettings(dataDirectory, () => ({
    command: 'pause',
    input: { minutes: untilTomorrow ? minutesUntilTomorrow(new Date()) : (minutes ?? null) },
  }))
  const end = until?.until ?? null
  console.log(
    end === null ? translate('cli.pause.paused') : translate('cli.pause.pausedUntil', { until: end }),
  )
}

export async function resume(dataDirectory: string, given: string | undefined): Promise<void> {
  if (given !== undefined) return pauseOne(dataDirectory, given, false)
  await changeSettings(dataDirectory, () => ({ command: 'resume', input: {} }))
  console.log(translate('cli.pause.resumed'))
}

async function pauseOne(dataDirectory: string, given: string, paused: boolean): Promise<void> {
  const after = await changeSettings(dataDirectory, (settings) => ({
    command: 'changeSource',
    input: { id: sourceAt(settings, given).id, changes: { paused } },
  }))
  console.log(sourceLines(after, sourceAt(after, given)).join('\n'))
}

export async function check(dataDirectory: string, given: string): Promise<void> {
  const wanted = path.resolve(given)
  const after = await changeSettings(dataDirectory, () => ({
    command: 'addCheckedPath',
    input: { path: wanted },
  }))
  console.log(translate('cli.paths.checked', { path: wanted }))
  for (const line of linkLines(pathAt(after, wanted))) console.log(line)
}

export async function follow(
  dataDirectory: string,
  given: string,
  { stay = false }: { stay?: boolean },
): Promise<void> {
  let link: string | null = null
  let id = ''
  const after = await changeSettings(dataDirectory, (settings) => {
    const found = pathAt(settings, given)
    link = found.link
    id = found.id
    return { command: 'followLink', input: { id, stay } }
  })
  const all = [...after.sources, ...after.checkedPaths]
  const now = all.find((one) => (stay ? one.id === id : one.link === link))
  if (now !== undefined) console.log(translate('cli.paths.followed', { path: now.path }))
}

export async function move(dataDirectory: string, given: string, next: string): Promise<void> {
  const { id, name } = sourceAt(await settingsNow(dataDirectory), given)
  const wanted = path.resolve(next)
  await changeSettings(dataDirectory, () => ({ command: 'moveSource', input: { id, path: wanted } }))
  console.log(translate('cli.paths.moved', { name, path: wanted }))
}

export async function retry(dataDirectory: string, given: string): Promise<void> {
  const { id, path } = sourceAt(await settingsNow(dataDirectory), given)
  await sendCommand(dataDirectory, 'retryParked', { id })
  console.log(translate('cli.paths.retried', { path }))
}

/** Accepts that many files were emptied, changed or deleted at once. */
export async function accept(dataDirectory: string, given: string): Promise<void> {
  const { id, path } = sourceAt(await settingsNow(dataDirectory), given)
  const { sources } = await askState(dataDirectory)
  const scanned = sources.find(({ settings }) => settings.id === id)?.scanned
  if (scanned?.deleted?.since != null) {
    await sendCommand(dataDirectory, 'acceptDeleted', { id })
    console.log(translate('cli.paths.deletionAccepted', { path }))
    if (scanned.held == null) return
  }
  await answerMassChange(dataDirectory, given, 'sendAsItIs', 'cli.paths.accepted')
}

export const bringBack = (dataDirectory: string, given: string): Promise<void> =>
  answerMassChange(dataDirectory, given, 'bringBack', 'cli.paths.comingBack')

/** Answers the question about files that were emptied or changed at once. */
async function answerMassChange(
  dataDirectory: string,
  given: string,
  command: 'sendAsItIs' | 'bringBack',
  said: 'cli.paths.accepted' | 'cli.paths.comingBack',
): Promise<void> {
  const { id, path } = sourceAt(await settingsNow(dataDirectory), given)
  await sendCommand(dataDirectory, command, { id })
  console.log(translate(said, { path }))
}

export async function remove(dataDirectory: string, given: string): Promise<void> {
  let said = message('cli.paths.none')
  await changeSettings(dataDirectory, (settings) => {
    const checked = checkedPathAt(settings, given)
    const { id, path } = checked ?? sourceAt(settings, given)
    said = message(checked === null ? 'cli.paths.removed' : 'cli.paths.unchecked', { path })
    return { command: checked === null ? 'removeSource' : 'removeCheckedPath', input: { id } }
  })
  console.log(terminalWords(said))
}

export async function expectFiles(directory: string, given: string, options: RuleOptions): Promise<void> {
  const known = sourceAt(await settingsNow(directory), given)
  // Without a period, a new rule is proposed.
  if (!options.remove && options.every === undefined && findRule(known, options.pattern) === undefined)
    return propose(directory, known, options)
  let id = ''
  let before: ExpectedFiles | undefined
  const after = await changeSettings(directory, (settings) => {
    const source = sourceAt(settings, given)
    id = source.id
    before = findRule(source, options.pattern)
    return { command: 'changeSource', input: { id, changes: { expected: withRule(source, options) } } }
  })
  const source = getSource(after, id)
  const rule = findRule(source, options.pattern)
  const isBegun =
    rule !== undefined && (before === undefined || formatTimetable(before) !== formatTimetable(rule))
  const isRunning = rule !== undefined && (await runningState(directory)) !== null
  const preview = isRunning
    ? await askPreview(directory, id, rule).catch((error) => dropError(error, 'the rule is saved', null))
    : null
  if (options.json) return console.log(jsonText({ rule: rule ?? null, ...preview }, 2))
  const next = isBegun ? await findNext(directory, id, rule, before) : null
  const lines = preview === null ? [] : otherCaseLines(preview)
  console.log(
    [...sourceLines(after, source), ...lines, ...(next === null ? [] : [nextLine(next)])].join('\n'),
  )
}

type Preview = CommandOutput<'previewExpected'>

async function askPreview(directory: string, id: string, rule: Omit<CommandInput<'previewExpected'>, 'id'>) {
  return commands.previewExpected.output.parse(
    await sendCommand(directory, 'previewExpected', { ...rule, id }),
  )
}

/** Shows the rule that the files of a folder, or the example of one of them, suggest. */
async function propose(directory: string, source: Source, options: RuleOptions): Promise<void> {
  if ((await runningState(directory)) === null) throw new WrongUsage('cli.expected.every')
  const { pattern } = options
  const preview = await askPreview(directory, source.id, { pattern, ...toFields(options) })
  if (options.json) return console.log(jsonText(preview, 2))
  const { rule, isGuess, matching, known, last, next } = preview
  const words = [
    ...['folders expect', shellWord(source.path), '--pattern', shellWord(rule.pattern)],
    ...['--every', minutesWord(rule.everyMinutes), '--within', minutesWord(rule.withinMinutes)],
    ...(rule.minimumBytes === 0 ? [] : ['--min-size', String(rule.minimumBytes)]),
    ...(rule.zone === null ? [] : ['--zone', rule.zone]),
  ]
  const lines = [
    expectedLine(rule),
    matchingLine(matching, known),
    ...last.map(({ path }) => `  ${quoteControls(path)}`),
    ...otherCaseLines(preview),
    ...(isGuess ? [translate('expected.noPeriod')] : next.map(nextLine)),
    translate('cli.expected.notSaved', { command: `${words.join(' ')}${dataWords(directory)}` }),
  ]
  console.log(lines.join('\n'))
}

const otherCaseLines = ({ otherCase: { count, paths } }: Preview): string[] =>
  count === 0 ? [] : [translate('expected.otherCase', { count, names: paths.map(quoteControls).join(', ') })]

function matchingLine(count: number, known: number): string {
  if (known === 0) return translate('expected.noneKnown')
  return count === 0
    ? translate('expected.noMatch', { count: known })
    : translate('expected.matching', { count, known })
}

/** Formats minutes as `--every` and `--within` read them. */
function minutesWord(minutes: number): string {
  if (minutes > 0 && minutes % 1_440 === 0) return `${minutes / 1_440}d`
  return minutes > 0 && minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`
}

/**
 * Returns the file that is due next by a new or changed rule: the one that the agent expects, or that it will expect.
 * null: it is unknown, because the agent still judges those of the past.
 */
async function findNext(
  directory: string,
  id: string,
  rule: ExpectedFiles,
  before: ExpectedFiles | undefined,
): Promise<NextExpected | null> {
  const isToCome = ({ due }: NextExpected) => due > Date.now()
  const timetable = formatTimetable(rule)
  for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
    const agent = await runningState(directory)
    if (agent === null) {
      const now = Date.now()
      const next = findFirstExpected(rule, now, before === undefined ? null : findBefore(before, now, rule))
      return isToCome(next) ? next : null
    }
    const states = agent.sources.find(({ settings }) => settings.id === id)?.scanned?.expected ?? []
    const state = states.find((one) => one.pattern === rule.pattern && one.timetable === timetable)
    if (state !== undefined && isToCome(state.next)) return state.next
    await delay(LOOK_EVERY_MS)
  }
  return null
}

function nextLine({ path, due }: NextExpected): string {
  return translate('cli.expected.next', { path: quoteControls(path), due: localTime(due) })
}

const findRule = ({ expected }: Source, wanted: string): ExpectedFiles | undefined =>
  expected.find(({ pattern }) => pattern === wanted) ??
  expected.find(({ pattern }) => pattern === convertPercent(wanted))

/** Returns the rules of a source with the given one added, changed or removed. */
function withRule(source: Source, { pattern, remove = false, ...options }: RuleOptions): ExpectedFiles[] {
  const { name, expected } = source
  const before = findRule(source, pattern)
  const others = expected.filter((one) => one !== before)
  if (remove) {
    if (before === undefined) throw new WrongUsage('cli.expected.noRule', { name, pattern })
    return others
  }
  if (others.length >= MOST_EXPECTED_RULES)
    throw new WrongUsage('cli.expected.most', { name, count: MOST_EXPECTED_RULES })
  const everyMinutes = options.every ?? before?.everyMinutes
  if (everyMinutes === undefined) throw new WrongUsage('cli.expected.every')
  const rule = { pattern, ...before, everyMinutes, ...toFields(options) }
  return [...others, expectedFilesSchema.parse(rule)]
}

const toFields = ({ within, minSize, zone }: Omit<RuleOptions, 'pattern'>) =>
  omitUndefined({
    withinMinutes: within,
    minimumBytes: minSize === NONE ? 0 : minSize,
    zone: zone === LOCAL ? null : zone,
  })
