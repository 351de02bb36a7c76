import { formatBytes, formatDuration, formatPercent } from '../lib/i18n/formats.ts'
import { type Message, message, type WordKey } from '../lib/i18n/message.ts'
import type { Amount, Named, ProofReport, Report, ReportPeriod } from './report-schema.ts'

// The report as titles, sentences and tables in one language. The terminal, the HTML file and the window show the same
// document. Pure, and also used in the window.

type Words = (sentence: Message) => string

interface Column {
  label: string
  isNumber: boolean
  /** Names of files: a terminal does not cut them. */
  isFile: boolean
}

export interface ReportSection {
  id: string
  title: string
  /** Explains the columns. */
  explain: string
  columns: Column[]
  rows: string[][]
  /** Shown instead of an empty table. */
  empty: string
  /** Names the number of entries that are left out; null: all are listed. */
  more: string | null
}

export interface ReportDocument {
  title: string
  /** Computer, period, zone, time and version. */
  facts: { label: string; value: string }[]
  /** The figures in sentences. */
  summary: string[]
  /** Sentences about what the data do not cover. */
  notes: string[]
  sections: ReportSection[]
}

/** The ledger's id of the folder on this computer (core/settings/destinations.ts), which has a word instead of a name. */
const EMBEDDED = 'embedded'
const NONE = '–'
/** Limit of the names in a sentence. */
const MOST_NAMED = 5
/** Limit of the hours of the day in which a cause is most frequent. */
const MOST_HOURS = 3

export function describeReport(report: Report, words: Words, language: string): ReportDocument {
  const { period, computer, madeAt, holdfast } = report
  const t = (key: WordKey, params: Message['params'] = {}) => words(message(key, params))
  const format = createFormats(language, period.zone)
  return {
    title: t('report.title', { computer, period: formatPeriod(period, language) }),
    facts: [
      {
        label: t('report.fact.period'),
        value: t('report.fact.periodValue', {
          ...{ name: period.name, from: format.moment(period.from), to: format.moment(period.to) },
          zone: period.zone,
        }),
      },
      { label: t('report.fact.made'), value: `${format.moment(madeAt)} · Holdfast ${holdfast}` },
    ],
    summary: summarizeReport(report, language).map(words),
    notes: describeNotes(report, words, format.moment),
    sections: describeSections(report, t, words, format),
  }
}

/** Returns the notes of a report as sentences. @param formatTime formats the time in a note. */
export const describeNotes = (
  { notes }: Report,
  words: Words,
  formatTime: (at: number) => string,
): string[] =>
  notes.map(({ key, params }) =>
    words(message(key, typeof params.at === 'number' ? { ...params, at: formatTime(params.at) } : params)),
  )

/** Formats the name of a period: "October 2026", "Week 41, 2026 (Oct 5 – 11)". */
export function formatPeriod({ kind, name, from, to, zone }: ReportPeriod, language: string): string {
  const show = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(language, { timeZone: zone, ...options })
  if (kind === 'month') return show({ year: 'numeric', month: 'long' }).format(from)
  const days = show({ year: 'numeric', month: 'short', day: 'numeric' }).formatRange(from, to - 1)
  return kind === 'week' ? `${name} (${days})` : days
}

/** Returns the figures of a report as sentences, for notifications and for the head of the report. */
export function summarizeReport(report: Report, language: string): Message[] {
  const { period, transfers, proofs, expected, missing, availability, incidents, stations } = report
  const bytes = (size: number) => formatBytes(size, language)
  const sentences: Message[] = []
  if (transfers !== null) {
    const sumUp = (some: typeof transfers) => ({
      count: some.reduce((sum, one) => sum + one.durable.files, 0),
      size: bytes(some.reduce((sum, one) => sum + one.durable.bytes, 0)),
    })
    sentences.push(
      message('report.summary.durable', sumUp(transfers.filter(({ isHere }) => isHere !== true))),
    )
    const here = sumUp(transfers.filter(({ isHere }) => isHere === true))
    if (here.count > 0) sentences.push(message('report.summary.here', here))
    const slowest = Math.max(...transfers.map(({ delay }) => delay?.p99 ?? -1), -1)
    if (slowest >= 0)
      sentences.push(message('report.summary.delay', { delay: formatDuration(slowest, language) }))
    const waiting = transfers.reduce((sum, one) => sum + one.waiting.files, 0)
    const parked = transfers.reduce((sum, one) => sum + one.parked, 0)
    if (waiting > 0) sentences.push(message('report.summary.waiting', { count: waiting }))
    if (parked > 0) sentences.push(message('report.summary.parked', { count: parked }))
  }
  sentences.push(...summarizeProofs(proofs ?? []))
  if (expected !== null && expected.length > 0) {
    const add = (name: 'expected' | 'arrived' | 'late' | 'missing') =>
      expected.reduce((sum, one) => sum + one[name], 0)
    const count = add('expected')
    sentences.push(message('report.summary.expected', { arrived: add('arrived'), late: add('late'), count }))
    const lost = add('missing')
    if (lost > 0) {
      const { moment } = createFormats(language, period.zone)
      const names = (missing?.entries ?? []).map(
        ({ source, path, due }) => `${source.name}/${path} (${moment(due)})`,
      )
      sentences.push(nameSome('missing', names, lost))
    }
  }
  const worst = availability?.reduce<{ name: string; percent: number } | null>(
    (least, { path, percent }) =>
      percent !== null && percent < (least?.percent ?? 100) ? { name: path.name, percent } : least,
    null,
  )
  if (worst != null)
    sentences.push(
      message('report.summary.available', {
        path: worst.name,
        percent: formatPercent(worst.percent, language),
      }),
    )
  if (incidents !== null) {
    const count = incidents.entries.length + incidents.more
    const longest = Math.max(0, ...incidents.entries.map(({ lengthMs }) => lengthMs))
    sentences.push(
      count === 0
        ? message('report.summary.noIncident')
        : message('report.summary.incidents', { count, longest: formatDuration(longest, language) }),
    )
  }
  if (stations !== null) {
    const all = stations.entries
    const size = bytes(all.reduce((sum, one) => sum + one.arrived.bytes, 0))
    const files = all.reduce((sum, one) => sum + one.arrived.files, 0)
    sentences.push(message('report.summary.stations', { stations: all.length, count: files, size }))
    const silent = all.filter(({ arrived }) => arrived.files === 0).map(({ name }) => name)
    if (silent.length > 0) sentences.push(nameSome('silent', silent, silent.length))
  }
  return sentences
}

function summarizeProofs(proofs: readonly ProofReport[]): Message[] {
  const sampled = proofs.filter(({ samples }) => samples.files > 0)
  const count = (kind: 'samples' | 'verified') => proofs.reduce((sum, one) => sum + one[kind].files, 0)
  const samples = { count: count('samples'), damaged: sumReadings(proofs, 'samples') }
  const least = Math.min(...sampled.map(({ confidence }) => confidence ?? 0))
  const verified = { count: count('verified'), damaged: sumReadings(proofs, 'verified') }
  return [
    ...(samples.damaged > 0 ? [message('report.summary.samplesDamaged', samples)] : []),
    ...(samples.damaged === 0 && samples.count > 0
      ? [message('report.summary.samples', { count: samples.count, confidence: 100 * least })]
      : []),
    ...(verified.count + verified.damaged > 0 ? [message('report.summary.verified', verified)] : []),
  ]
}

/** Sums up the files that were damaged, missing or unreadable. */
const sumReadings = (proofs: readonly ProofReport[], kind: 'samples' | 'verified'): number =>
  proofs.reduce((sum, one) => sum + one[kind].damaged + one[kind].missing + one[kind].unreadable, 0)

/** Names the first of some files or stations, and counts the others. */
function nameSome(what: 'missing' | 'silent', names: readonly string[], count: number): Message {
  const named = names.slice(0, MOST_NAMED)
  const more = count - named.length
  const list = { names: named.join(', ') }
  return more > 0
    ? message(`report.summary.${what}More`, { ...list, count: more })
    : message(`report.summary.${what}`, list)
}

type Formats = ReturnType<typeof createFormats>

function createFormats(language: string, zone: string) {
  // Sorts as text, and has the same form in every language: 2026-10-05 08:15.
  const moments = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' },
  })
  const counts = new Intl.NumberFormat(language)
  const count = (value: number) => counts.format(value)
  return {
    count,
    moment: (at: number) => moments.format(at),
    bytes: (size: number) => formatBytes(size, language),
    duration: (ms: number) => formatDuration(ms, language),
    percent: (percent: number) => formatPercent(percent, language),
  }
}

function describeSections(
  report: Report,
  t: (key: WordKey, params?: Message['params']) => string,
  words: Words,
  format: Formats,
): ReportSection[] {
  const formatName = ({ id, name }: Named) => {
    if (id === EMBEDDED) return t('report.here')
    return name === id ? t('report.removed', { id }) : name
  }
  const amount = ({ files, bytes }: Amount) =>
    files === 0 ? '0' : t('report.amount', { files: format.count(files), size: format.bytes(bytes) })
  const columns = (...names: string[]): Column[] =>
    names.map((name) => ({
      label: t(`report.column.${name.replace('#', '')}` as WordKey),
      isNumber: name.startsWith('#'),
      isFile: name === 'file',
    }))
  const section = (
    id:
      | 'durable'
      | 'rest'
      | 'proofs'
      | 'expected'
      | 'missing'
      | 'late'
      | 'parked'
      | 'availability'
      | 'incidents'
      | 'causes'
      | 'stations',
    heads: Column[],
    rows: string[][],
    more = 0,
  ): ReportSection => ({
    ...{ id, title: t(`report.${id}.title`), explain: t(`report.${id}.explain`) },
    ...{ columns: heads, rows, empty: t(`report.${id}.empty`) },
    more: more > 0 ? t('report.more', { count: more }) : null,
  })
  const sections: ReportSection[] = []
  const { transfers, proofs, expected, missing, late, parked, availability, incidents, causes, stations } =
    report
  if (transfers !== null) {
    sections.push(
      section(
        'durable',
        columns('source', 'destination', '#files', '#size', '#p50', '#p99', '#max'),
        transfers.map(({ source, destination, durable, delay }) => [
          ...[
            formatName(source),
            formatName(destination),
            format.count(durable.files),
            format.bytes(durable.bytes),
          ],
          ...(delay === null
            ? [NONE, NONE, NONE]
            : [delay.p50, delay.p99, delay.max].map((ms) => format.duration(ms))),
        ]),
      ),
      section(
        'rest',
        columns(
          'source',
          'destination',
          '#waiting',
          '#parked',
          '#deletedByHoldfast',
          '#deletedByOthers',
          '#proven',
        ),
        transfers.map((one) => [
          ...[
            formatName(one.source),
            formatName(one.destination),
            amount(one.waiting),
            format.count(one.parked),
          ],
          ...[amount(one.deletedByHoldfast), amount(one.deletedByOthers), format.count(one.proven)],
        ]),
      ),
    )
  }
  if (proofs !== null)
    sections.push(
      section(
        'proofs',
        columns('destination', '#samples', '#confidence', '#verified', '#found', '#healed', 'lastProof'),
        proofs.map((one) => [
          ...[formatName(one.destination), amount(one.samples)],
          one.confidence === null ? NONE : format.percent(100 * one.confidence),
          amount(one.verified),
          format.count(sumReadings([one], 'samples') + sumReadings([one], 'verified')),
          ...[amount(one.healed), one.lastAt === null ? NONE : format.moment(one.lastAt)],
        ]),
      ),
    )
  if (expected !== null)
    sections.push(
      section(
        'expected',
        columns('source', 'pattern', '#expected', '#arrived', '#late', '#missing'),
        expected.map((one) => [
          ...[formatName(one.source), one.pattern],
          ...[one.expected, one.arrived, one.late, one.missing].map(format.count),
        ]),
      ),
    )
  if (missing !== null && missing.entries.length > 0) {
    // Most lists have no file that is there, but too small.
    const hasSizes = missing.entries.some(({ tooSmall }) => tooSmall !== null)
    sections.push(
      section(
        'missing',
        columns('due', 'source', 'file', ...(hasSizes ? (['#size'] as const) : [])),
        missing.entries.map(({ due, source, path, tooSmall }) => [
          ...[format.moment(due), formatName(source), path],
          ...(hasSizes ? [tooSmall === null ? NONE : format.bytes(tooSmall)] : []),
        ]),
        missing.more,
      ),
    )
  }
  if (late !== null && late.entries.length > 0)
    sections.push(
      section(
        'late',
        columns('due', '#lateBy', 'source', 'file'),
        late.entries.map(({ due, arrivedAt, source, path }) => [
          ...[format.moment(due), format.duration(arrivedAt - due), formatName(source), path],
        ]),
        late.more,
      ),
    )
  if (parked !== null && parked.entries.length > 0)
    sections.push(
      section(
        'parked',
        columns('source', 'destination', 'file', 'reason'),
        parked.entries.map(({ source, destination, path, reason }) => [
          ...[formatName(source), formatName(destination), path, reason === null ? NONE : words(reason)],
        ]),
        parked.more,
      ),
    )
  if (availability !== null)
    sections.push(
      section(
        'availability',
        columns('path', '#available', '#failed', '#measured'),
        availability.map(({ path, percent, checks, good, measuredPercent }) => [
          ...[formatName(path), percent === null ? NONE : format.percent(percent)],
          t('report.ofChecks', { failed: format.count(checks - good), checks: format.count(checks) }),
          format.percent(measuredPercent),
        ]),
      ),
    )
  if (incidents !== null)
    sections.push(
      section(
        'incidents',
        columns('from', '#length', 'incident', 'subject'),
        incidents.entries.map(({ kind, subjects, startedAt, endedAt, lengthMs }) => [
          format.moment(startedAt),
          endedAt === null
            ? t('report.ongoing', { length: format.duration(lengthMs) })
            : format.duration(lengthMs),
          words(message(`kind.${kind}`)),
          subjects.length <= MOST_NAMED
            ? subjects.join(', ')
            : t('report.subjects', {
                names: subjects.slice(0, MOST_NAMED).join(', '),
                count: subjects.length - MOST_NAMED,
              }),
        ]),
        incidents.more,
      ),
    )
  if (causes.length > 0) {
    // On a computer to which no other one reports, each failure is its own.
    const hasComputers = causes.some(({ computers }) => computers > 1)
    const times = causes.map(({ hours }) => findFrequentHours(hours))
    const hasTimes = times.some((hours) => hours.length > 0)
    sections.push(
      section(
        'causes',
        // The cause is last: a terminal does not cut the last column.
        columns(
          ...['incident', '#share'],
          ...(hasComputers ? ['#computers'] : []),
          ...(hasTimes ? ['hours'] : []),
          'cause',
        ),
        causes.map(({ kind, cause, count, of, computers }, index) => [
          words(message(`kind.${kind}`)),
          t('report.share', { count: format.count(count), of: format.count(of) }),
          ...(hasComputers ? [format.count(computers)] : []),
          ...(hasTimes ? [formatHours(times[index] ?? [], t, format)] : []),
          cause === null ? t('report.causeUnknown') : words(cause),
        ]),
      ),
    )
  }
  if (stations !== null)
    sections.push(
      section(
        'stations',
        columns('station', '#files', '#size', 'first', 'last', '#gaps'),
        stations.entries.map(({ name, arrived, firstAt, lastAt, gaps, gapMs }) => [
          ...[name, format.count(arrived.files), format.bytes(arrived.bytes)],
          ...[firstAt, lastAt].map((at) => (at === null ? NONE : format.moment(at))),
          gaps === 0 ? '0' : t('report.gaps', { count: gaps, length: format.duration(gapMs) }),
        ]),
        stations.more,
      ),
    )
  return sections
}

interface HourCount {
  hour: number
  count: number
}

/** Returns the hours of the day in which several failures of one cause began, the most frequent first. */
const findFrequentHours = (hours: readonly number[]): HourCount[] =>
  hours
    .map((count, hour) => ({ hour, count }))
    .filter(({ count }) => count > 1)
    .sort((a, b) => b.count - a.count)
    .slice(0, MOST_HOURS)

function formatHours(
  hours: readonly HourCount[],
  t: (key: WordKey, params?: Message['params']) => string,
  format: Formats,
): string {
  if (hours.length === 0) return NONE
  const toText = ({ hour, count }: HourCount) =>
    t('report.hour', { hour: String(hour).padStart(2, '0'), count: format.count(count) })
  return hours.map(toText).join(', ')
}
