import { hostname } from 'node:os'
import path from 'node:path'
import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { englishWords } from '../../core/lib/i18n/words.ts'
import {
  describeNotes,
  describeReport,
  type ReportDocument,
  type ReportSection,
} from '../../core/report/document.ts'
import { getLastPeriod, getLocalZone, parseDay } from '../../core/report/period.ts'
import { readReport } from '../../core/report/read-report.ts'
import { formatUtc, renderCsv } from '../../core/report/render-csv.ts'
import { renderHtml } from '../../core/report/render-html.ts'
import { choosePeriod, requestComputerReport, requestStoreReport } from '../../core/report/report-request.ts'
import type { Report } from '../../core/report/report-schema.ts'
import { getDataLayout } from '../../core/settings/data-directory.ts'
import type { Settings } from '../../core/settings/schema.ts'
import { requireStore } from '../../core/store/lock.ts'
import { resolveDataDirectory, withDataDirectory } from '../ask/data-directory.ts'
import { changeSettings, settingsNow } from '../ask/settings-change.ts'
import { countCells, cutTo, padded } from '../terminal/columns.ts'
import { jsonText } from '../terminal/json.ts'
import { parsePath } from '../terminal/path-words.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { language, named, plainWords, translate } from '../terminal/terminal-words.ts'
import { WrongUsage, wrongUsage } from '../terminal/wrong-usage.ts'
import { version } from '../version.ts'

const formats = ['text', 'csv', 'json', 'html'] as const
/** Width of the text in terminal cells. */
const WIDTH = 100
/** Columns are not cut below this width. */
const LEAST_CELLS = 12
const GAP = '  '

interface ReportOptions {
  data?: string
  store?: string
  month?: string
  week?: string
  from?: string
  to?: string
  zone?: string
  format: (typeof formats)[number]
  json?: boolean
}

/** `holdfast report`: prints what was sent, what is missing and what failed in a period. */
export function registerReport(program: Command): void {
  const command = program
    .command('report')
    .description(
      'print the report of a period: files and their delays, missing files, failures, availability; default: the last whole month',
    )
    .addOption(new Option('--month <month>', 'a month, such as 2026-10').conflicts(['week', 'from', 'to']))
    .addOption(new Option('--week <week>', 'a week (ISO 8601), such as 2026-W41').conflicts(['from', 'to']))
    .option('--from <day>', 'the first day, such as 2026-10-05', parseDate)
    .option('--to <day>', 'the last day, which is included; default: today', parseDate)
    .option('--zone <zone>', 'time zone of the days: UTC, Asia/Taipei; default: that of this computer')
    .addOption(
      new Option('--format <format>', 'html prints well: open the file in a browser and print it')
        .choices(formats)
        .default('text'),
    )
    .option('--json', 'the same as --format json; times in milliseconds since 1970')
    .option('--store <folder>', "of a receiver's store: the computers that send to it", parsePath)
  withDataDirectory(command).action(print)
  const inner = command
    .command('schedule')
    .description(
      'show or set when a report is sent through channels: at 08:00 on the first day after its period; exit code 1: it was set, and no channel gets it',
    )
    .addArgument(new Argument('[every]', 'how often').choices(['month', 'week', 'off']))
    .option('--to <names...>', 'names of the channels, or all; default of the first time: all')
    .option('--json', 'print the schedule as JSON')
  withDataDirectory(inner).action((every: string | undefined, _: object, self: Command) =>
    schedule(every, self.optsWithGlobals<ScheduleOptions>()),
  )
}

interface ScheduleOptions {
  data?: string
  to?: string[]
  json?: boolean
}

/** Shows or changes when a report is sent. */
async function schedule(every: string | undefined, options: ScheduleOptions): Promise<void> {
  const directory = resolveDataDirectory(options)
  const { to } = options
  const isQuestion = every === undefined && to === undefined
  const settings = isQuestion
    ? await settingsNow(directory)
    : await changeSettings(directory, ({ alerts }) => ({
        command: 'changeSettings' as const,
        input: {
          report: {
            ...(every === undefined ? {} : { every: every === 'month' || every === 'week' ? every : null }),
            ...(to === undefined ? {} : { channels: findChannels(alerts.channels, to) }),
          },
        },
      }))
  const { report, alerts } = settings
  const { channels } = report
  const chosen = alerts.channels.filter(
    ({ id, type, enabled, standby }) =>
      type !== 'ping' && enabled && (channels === null ? !standby : channels.includes(id)),
  )
  if (!isQuestion && report.every !== null && chosen.length === 0) process.exitCode = 1
  if (options.json === true) return console.log(jsonText(report))
  if (report.every === null) return console.log(translate('cli.report.off'))
  console.log(translate(`cli.report.every.${report.every}`))
  console.log(
    chosen.length === 0
      ? translate('cli.report.nobody')
      : translate('cli.report.to', { names: named(chosen.map(({ name }) => name)) }),
  )
  const { kind, name } = getLastPeriod(report.every, Date.now(), getLocalZone())
  console.log(translate('cli.report.now', { option: `--${kind} ${name}` }))
}

/** Returns the ids of channels by their names or ids; null: all. @throws WrongUsage cli.report.noChannel */
function findChannels(channels: Settings['alerts']['channels'], names: readonly string[]): string[] | null {
  if (names.length === 1 && names[0] === 'all') return null
  return names.map((name) => {
    const found = channels.find((one) => one.id === name || one.name.toLowerCase() === name.toLowerCase())
    if (found === undefined) throw new WrongUsage('cli.report.noChannel', { name })
    if (found.type === 'ping') throw new WrongUsage('cli.report.ping', { name: found.name })
    return found.id
  })
}

function parseDate(text: string): string {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text) && parseDay(text) !== null) return text
  throw new InvalidArgumentError('It must be a day such as 2026-10-05.')
}

async function print(options: ReportOptions): Promise<void> {
  const report = await read(options)
  const document = () => describeReport(report, plainWords, language)
  const format = options.json === true ? 'json' : options.format
  if (format === 'json') console.log(jsonText(withTexts(report), 2))
  else if (format === 'csv') process.stdout.write(renderCsv(report, plainWords))
  else if (format === 'html') process.stdout.write(renderHtml(document(), language))
  else console.log(toLines(document()).join('\n'))
}

/** Returns the report with the texts of its notes, whose times are in UTC as those of the CSV. */
function withTexts(report: Report) {
  const texts = describeNotes(report, englishWords, formatUtc)
  return { ...report, notes: report.notes.map((note, index) => ({ ...note, text: texts[index] })) }
}

async function read(options: ReportOptions): Promise<Report> {
  const now = Date.now()
  const maker = { computer: hostname(), holdfast: version, now }
  const period = getPeriod(options, now)
  if (options.store !== undefined) {
    const layout = await requireStore(path.resolve(options.store))
    return readReport(requestStoreReport(layout.root, layout.alerts, period, maker))
  }
  const directory = resolveDataDirectory(options)
  const settings = await settingsNow(directory)
  return readReport(requestComputerReport(settings, getDataLayout(directory), period, maker))
}

function getPeriod({ month, week, from, to, zone }: ReportOptions, now: number) {
  if (from === undefined && to !== undefined) throw new WrongUsage('cli.report.toAlone')
  try {
    const today = choosePeriod(null, zone ?? null, now).zone
    const days =
      from === undefined
        ? null
        : `${from}..${to ?? new Date(now).toLocaleDateString('sv-SE', { timeZone: today })}`
    return choosePeriod(month ?? week ?? days, zone ?? null, now)
  } catch (error) {
    throw error instanceof UserError ? wrongUsage(error) : error
  }
}

/** Formats the report for a terminal. Tables fit into the width, except names of files, which are not cut. */
export function toLines({ title, facts, summary, notes, sections }: ReportDocument): string[] {
  const line = (text: string) => quoteControls(text)
  const labels = Math.max(...facts.map(({ label }) => countCells(label)))
  return [
    line(title),
    ...facts.map(({ label, value }) => `${padded(label, labels)}${GAP}${line(value)}`),
    '',
    ...summary.flatMap((sentence) => wrap(line(sentence), WIDTH)),
    ...notes.flatMap((note) => wrapNote(line(note))),
    ...sections.flatMap((section) => ['', ...toTable(section)]),
  ]
}

function toTable({ title, columns, rows, empty, more }: ReportSection): string[] {
  if (rows.length === 0) return [title, `${GAP}${empty}`]
  const body = rows.map((row) => row.map(quoteControls))
  const cells = [...wrapHead(columns, body), ...body]
  const widths = fitWidths(columns.map((_, at) => Math.max(...cells.map((row) => countCells(row[at] ?? '')))))
  const lines = cells.map((row) =>
    row
      .map((text, at) => {
        const width = widths[at] ?? 0
        const isWhole = at === row.length - 1 || columns[at]?.isFile === true
        if (columns[at]?.isNumber === true) return ' '.repeat(Math.max(0, width - countCells(text))) + text
        return padded(isWhole ? text : shorten(text, width), width)
      })
      .join(GAP),
  )
  return [title, ...lines.map((one) => `${GAP}${one}`.trimEnd()), ...(more === null ? [] : [`${GAP}${more}`])]
}

/** Breaks the names of columns with numbers at spaces, so that they are not much wider than the numbers. */
function wrapHead(columns: ReportSection['columns'], rows: readonly string[][]): string[][] {
  const heads = columns.map(({ label, isNumber }, at) => {
    if (!isNumber) return [label]
    const widest = [...rows.map((row) => row[at] ?? ''), ...label.split(' ')]
    return wrap(label, Math.max(...widest.map(countCells)))
  })
  const lines = Math.max(...heads.map(({ length }) => length))
  // The last line of each name is directly above its numbers.
  return Array.from({ length: lines }, (_, line) =>
    heads.map((head) => head[line - (lines - head.length)] ?? ''),
  )
}

/** Narrows the widest columns until the table fits. */
function fitWidths(widths: number[]): number[] {
  const room = WIDTH - GAP.length * widths.length
  const fitted = [...widths]
  for (;;) {
    const excess = fitted.reduce((sum, one) => sum + one, 0) - room
    const widest = Math.max(...fitted)
    if (excess <= 0 || widest <= LEAST_CELLS) return fitted
    const next = Math.max(LEAST_CELLS, ...fitted.filter((one) => one < widest))
    const at = fitted.indexOf(widest)
    fitted[at] = Math.max(
      next === widest ? widest - 1 : Math.min(widest - 1, next),
      widest - excess,
      LEAST_CELLS,
    )
  }
}

const shorten = (text: string, cells: number): string =>
  countCells(text) <= cells ? text : `${cutTo(text, cells - 1)}…`

/** Breaks a text into lines at its spaces. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let last = ''
  for (const word of text.split(' ')) {
    const next = last === '' ? word : `${last} ${word}`
    if (last !== '' && countCells(next) > width) {
      lines.push(last)
      last = word
    } else last = next
  }
  return [...lines, last]
}

const NOTE = '! '
const wrapNote = (note: string): string[] =>
  wrap(note, WIDTH - NOTE.length).map((line, index) => (index === 0 ? NOTE : ' '.repeat(NOTE.length)) + line)
