import type { Message } from '../lib/i18n/message.ts'
import { describeNotes } from './document.ts'
import type { Amount, Report } from './report-schema.ts'

/** The columns of the table, in their order. Each row fills those that apply to its kind; docs/report.md explains them. */
const COLUMNS = [
  ...(['row', 'source', 'destination', 'name', 'from', 'to', 'files', 'bytes'] as const),
  ...(['measured_files', 'p50_ms', 'p99_ms', 'max_ms', 'proven'] as const),
  ...(['deleted_by_holdfast', 'deleted_by_others', 'waiting', 'parked'] as const),
  ...(['expected', 'arrived', 'late', 'missing'] as const),
  ...(['checks', 'good_checks', 'percent', 'measured_percent', 'gaps', 'length_ms'] as const),
  ...(['damaged', 'unreadable', 'confidence', 'zone', 'every_minutes', 'within_minutes'] as const),
]
type Row = Partial<Record<(typeof COLUMNS)[number], string | number | null>>

/**
 * Renders a report as one table (RFC 4180). Times are UTC (ISO 8601). Column names are the same in every language.
 * @param words returns a note as a sentence
 */
export function renderCsv(report: Report, words: (note: Message) => string): string {
  const { computer, period } = report
  const rows = [
    { row: 'report', name: computer, ...toTimes(period.from, period.to), zone: period.zone },
    ...describeNotes(report, words, formatUtc).map((note) => ({ row: 'note', name: note })),
    ...listRows(report),
  ]
  const lines = rows.map((row: Row) => COLUMNS.map((column) => formatCell(row[column])).join(','))
  return [COLUMNS.join(','), ...lines, ''].join('\r\n')
}

function* listRows(report: Report): Generator<Row> {
  const { transfers, proofs, expected, missing, late, parked, availability, incidents, stations } = report
  for (const { source, destination, delay, ...one } of transfers ?? [])
    yield {
      row: 'transfer',
      ...{ source: source.name, destination: destination.name, ...toAmount(one.durable) },
      ...(delay && { measured_files: delay.files, p50_ms: delay.p50, p99_ms: delay.p99, max_ms: delay.max }),
      ...{ proven: one.proven, waiting: one.waiting.files, parked: one.parked },
      ...{ deleted_by_holdfast: one.deletedByHoldfast.files, deleted_by_others: one.deletedByOthers.files },
    }
  for (const { destination, samples, confidence, verified, healed, lastAt } of proofs ?? []) {
    yield { row: 'samples', destination: destination.name, ...samples, confidence, to: toTime(lastAt) }
    yield { row: 'verified', destination: destination.name, ...verified }
    yield { row: 'healed', destination: destination.name, ...healed }
  }
  for (const { source, pattern, everyMinutes, withinMinutes, ...one } of expected ?? [])
    yield {
      ...{ row: 'expected', source: source.name, name: pattern },
      ...{ expected: one.expected, arrived: one.arrived, late: one.late, missing: one.missing },
      ...{ every_minutes: everyMinutes, within_minutes: withinMinutes },
    }
  for (const { source, path, due, tooSmall } of missing?.entries ?? [])
    yield { row: 'missing', source: source.name, name: path, to: toTime(due), bytes: tooSmall }
  for (const { source, path, due, arrivedAt } of late?.entries ?? [])
    yield { row: 'late', source: source.name, name: path, to: toTime(due), length_ms: arrivedAt - due }
  for (const { source, destination, path, size } of parked?.entries ?? [])
    yield { row: 'parked', source: source.name, destination: destination.name, name: path, bytes: size }
  for (const { path, checks, good, percent, measuredPercent } of availability ?? [])
    yield {
      ...{ row: 'availability', name: path.name, checks, good_checks: good, percent },
      measured_percent: measuredPercent,
    }
  for (const { kind, subjects, startedAt, endedAt, lengthMs } of incidents?.entries ?? [])
    yield {
      ...{ row: `incident ${kind}`, name: subjects.join('\n'), ...toTimes(startedAt, endedAt) },
      length_ms: lengthMs,
    }
  for (const { name, arrived, firstAt, lastAt, gaps, gapMs } of stations?.entries ?? [])
    yield {
      ...{ row: 'station', name, ...toAmount(arrived), ...toTimes(firstAt, lastAt) },
      ...{ gaps, length_ms: gapMs },
    }
}

const toAmount = ({ files, bytes }: Amount) => ({ files, bytes })
export const formatUtc = (at: number): string => new Date(at).toISOString()
const toTime = (at: number | null) => (at === null ? null : formatUtc(at))
const toTimes = (from: number | null, to: number | null) => ({ from: toTime(from), to: toTime(to) })

/** Formats a cell. A spreadsheet takes a text that begins with one of these characters for a formula. */
function formatCell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number') return String(value)
  const safe = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
