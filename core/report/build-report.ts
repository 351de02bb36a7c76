import type { Incident } from '../alerts/incident.ts'
import { diskKinds, isDiskKind } from '../alerts/kinds.ts'
import type { CheckSum } from '../check/history/history-store.ts'
import type { LedgerFigures, RouteFigures } from '../ledger/figures.ts'
import { toConfidence } from '../ledger/proof-figures.ts'
import { noProofs, type ProofFigures } from '../ledger/proofs.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { EMBEDDED_DESTINATION } from '../settings/destinations.ts'
import type { ArrivalFigures, Arrivals } from '../store/query/arrivals.ts'
import type {
  Availability,
  CauseReport,
  Delay,
  Named,
  ProofReport,
  Report,
  ReportPeriod,
  Station,
  Transfer,
} from './report-schema.ts'

// Builds a report from the figures that the readers return (read-report.ts). Pure.

const HOUR_MS = 3_600_000
/** Limits of the lists in a report. */
export const MOST_LISTED = 1_000
const MOST_INCIDENTS = 500
const MOST_STATIONS = 1_000

/** The subject of a report: what it is about, and the names of the settings. */
export interface ReportSubject {
  scope: Report['scope']
  computer: string
  /** The version of Holdfast. */
  holdfast: string
  period: ReportPeriod
  /** Milliseconds since 1970. */
  now: number
  /** In the order of the settings. */
  sources: Named[]
  destinations: Named[]
  /** Ids of the destinations on this computer. */
  here: string[]
  /** Sources, checked paths, and destinations whose disk is checked. */
  checked: Named[]
  /** The timetables of expected files, with the id of their source. */
  rules: { source: string; pattern: string; everyMinutes: number; withinMinutes: number }[]
  /** Ids of each source and its destinations. */
  routes: { source: string; destination: string }[]
}

/** Results of the readers. null: not part of the report, or it could not be read, which a note explains. */
export interface ReportFigures {
  ledger: LedgerFigures | null
  checks: { paths: CheckSum[]; since: number | null } | null
  /** Incidents that overlap the period, oldest first, and their number. */
  incidents: { incidents: Incident[]; count: number } | null
  arrivals: ArrivalFigures | null
  /** Names of the computers that send to the store, by folder. */
  stations: ReadonlyMap<string, string>
  notes: Message[]
}

export function buildReport(subject: ReportSubject, figures: ReportFigures): Report {
  const { ledger, checks, incidents, arrivals } = figures
  const { scope, computer, holdfast, now, period } = subject
  const until = Math.min(period.to, Math.max(now, period.from))
  const getSource = nameFrom(subject.sources)
  const getDestination = nameFrom(subject.destinations)
  const findRule = (source: string, pattern: string) => {
    const rule = subject.rules.find((one) => one.source === source && one.pattern === pattern)
    return { everyMinutes: rule?.everyMinutes ?? null, withinMinutes: rule?.withinMinutes ?? null }
  }
  const transfers = ledger && buildTransfers(subject, ledger.routes, getSource, getDestination)
  const missing = ledger?.missing.map(({ source, ...one }) => ({ source: getSource(source), ...one })) ?? null
  const late = ledger?.late.map(({ source, ...one }) => ({ source: getSource(source), ...one })) ?? null
  const present = ledger?.routes.filter(isPresent(subject)) ?? []
  const parked =
    ledger &&
    present.flatMap(({ source, destination, parkedFiles }) =>
      parkedFiles.map((file) => ({
        source: getSource(source),
        destination: getDestination(destination),
        ...file,
      })),
    )
  return {
    version: 1,
    ...{ scope, computer, holdfast, madeAt: now, period },
    notes: [...findLimits(subject, figures, transfers), ...figures.notes],
    transfers,
    proofs: ledger && buildProofs(subject, ledger.proofs, getDestination),
    expected:
      ledger &&
      sortByName(
        ledger.expected.map(({ source, expected, missing: lost, ...one }) => ({
          ...{ source: getSource(source), expected, arrived: expected - lost, missing: lost },
          ...one,
          ...findRule(source, one.pattern),
        })),
        subject.sources,
        (one) => one.source,
      ),
    missing: missing && toList(missing, sum(ledger?.expected ?? [], 'missing'), MOST_LISTED),
    late: late && toList(late, sum(ledger?.expected ?? [], 'late'), MOST_LISTED),
    parked: parked && toList(parked, sum(present, 'parked'), MOST_LISTED),
    availability: checks && buildAvailability(subject, checks.paths, period.from, until),
    incidents:
      incidents &&
      toList(
        incidents.incidents.map(({ kind, paths, sentence, cause = [], startedAt, endedAt }) => ({
          ...{ kind, subjects: [...new Set([...Object.values(paths), ...nameFiles(kind, sentence)])] },
          ...{ sentence, cause, startedAt, endedAt },
          lengthMs: Math.max(0, (endedAt ?? now) - startedAt),
        })),
        incidents.count,
        MOST_INCIDENTS,
      ),
    causes: countCauses(incidents?.incidents ?? [], period.zone),
    stations: arrivals && buildStations(subject, arrivals.folders, figures, until),
  }
}

/** Returns the expected files that an incident names. Without a date in the pattern, only that is known. */
function nameFiles(kind: Incident['kind'], { params }: Message): string[] {
  const { file, files = file, pattern } = params
  return kind === 'expected' && files !== undefined && file !== pattern ? [String(files)] : []
}

/** Counts the failures of disks by their causes, the most frequent of each kind first; those of one rule count together. */
function countCauses(incidents: readonly Incident[], zone: string): CauseReport[] {
  const hours = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit' })
  const failures = incidents.flatMap((incident) => {
    const kind = findDiskKind(incident)
    return kind === null ? [] : [{ ...incident, kind, isOwn: isDiskKind(incident.kind) }]
  })
  return [...Map.groupBy(failures, ({ kind }) => kind)].flatMap(([kind, all]) => {
    // A rule has another sentence for a repeated fault, with its count.
    const rules = Map.groupBy(all, ({ cause }) => cause?.[0]?.key.replace(/Repeated$/, '') ?? null)
    return [...rules.values()]
      .map((some) => ({
        ...{ kind, cause: some.at(-1)?.cause?.[0] ?? null, count: some.length, of: all.length },
        // The subject of another computer's failure is that computer.
        computers: new Set(some.flatMap(({ isOwn, paths }) => (isOwn ? [null] : Object.values(paths)))).size,
        hours: some.reduce((counts, { startedAt }) => {
          const hour = Number(hours.format(startedAt))
          return counts.with(hour, (counts[hour] ?? 0) + 1)
        }, Array<number>(24).fill(0)),
      }))
      .sort((a, b) => b.count - a.count)
  })
}

/** Returns how a disk fails; null: something else does. The sentence about another computer nests that of its disk. */
function findDiskKind({ kind, sentence }: Incident): CauseReport['kind'] | null {
  if (isDiskKind(kind)) return kind
  return diskKinds.find((one) => sentence.params.said === `status.disk.${one}`) ?? null
}

/** Returns the function from an id to its name; without one in the settings, the id. */
const nameFrom = (known: readonly Named[]) => {
  const names = new Map(known.map(({ id, name }) => [id, name]))
  return (id: string): Named => ({ id, name: names.get(id) ?? id })
}

const toList = <Entry>(entries: Entry[], count: number, most: number) => {
  const listed = entries.slice(0, most)
  return { entries: listed, more: Math.max(0, count - listed.length) }
}

const sum = <Name extends string>(all: readonly Record<Name, number>[], name: Name): number =>
  all.reduce((total, one) => total + one[name], 0)

/** Sorts by the order of the settings; what is not in them comes last. */
function sortByName<Entry>(
  all: readonly Entry[],
  known: readonly Named[],
  get: (one: Entry) => Named,
): Entry[] {
  const places = new Map(known.map(({ id }, index) => [id, index]))
  const getPlace = (one: Entry) => places.get(get(one).id) ?? known.length
  return all.toSorted((a, b) => getPlace(a) - getPlace(b))
}

/** Returns the function that is true for a source and a destination which the settings have. */
const isPresent =
  ({ routes }: Pick<ReportSubject, 'routes'>) =>
  (one: { source: string; destination: string }): boolean =>
    routes.some(({ source, destination }) => source === one.source && destination === one.destination)

const NOTHING = { files: 0, bytes: 0 }

function buildTransfers(
  { sources, routes: wanted, here }: ReportSubject,
  found: readonly RouteFigures[],
  getSource: (id: string) => Named,
  getDestination: (id: string) => Named,
): Transfer[] {
  const isWanted = isPresent({ routes: wanted })
  // Files no longer wait for a destination that was removed. A former route without a figure is of no interest; a
  // present one without files is.
  const current = found.map((one) => (isWanted(one) ? one : { ...one, waiting: NOTHING, parked: 0 }))
  const kept = current.filter((one) => isWanted(one) || hasFigures(one))
  const unused = wanted.filter(
    (one) =>
      !found.some(({ source, destination }) => source === one.source && destination === one.destination),
  )
  const all = [
    ...kept.map(({ source, destination, delays, parkedFiles: _, ...figures }) => ({
      source: getSource(source),
      destination: getDestination(destination),
      delay: summarizeDelays(delays),
      ...figures,
    })),
    ...unused.map(({ source, destination }) => ({
      ...{ source: getSource(source), destination: getDestination(destination) },
      ...{ durable: NOTHING, delay: null, proven: 0, deletedByHoldfast: NOTHING, deletedByOthers: NOTHING },
      ...{ waiting: NOTHING, parked: 0, since: null },
    })),
  ]
  const placed = all.map((one) => (here.includes(one.destination.id) ? { ...one, isHere: true } : one))
  return sortByName(placed, sources, (one) => one.source)
}

const hasFigures = (one: RouteFigures): boolean =>
  [one.durable, one.deletedByHoldfast, one.deletedByOthers, one.waiting].some(({ files }) => files > 0) ||
  one.proven + one.parked > 0

/** Returns the proofs of the destinations that get files, and of former ones that have figures. */
function buildProofs(
  { destinations, routes }: ReportSubject,
  found: readonly ProofFigures[],
  getDestination: (id: string) => Named,
): ProofReport[] {
  // The folder on this computer proves nothing: it is used until there is a destination.
  const used = routes.flatMap(({ destination: id }) => (id === EMBEDDED_DESTINATION ? [] : [id]))
  const ids = [...new Set([...used, ...found.map(({ destination }) => destination)])]
  const all = ids.map((id): ProofReport => {
    const find = (kind: ProofFigures['kind']) =>
      found.find((one) => one.destination === id && one.kind === kind)
    const [samples, verified, healed] = [find('sample'), find('verify'), find('heal')]
    const times = [samples, verified].flatMap((one) => one?.at ?? [])
    return {
      destination: getDestination(id),
      samples: toReading(samples),
      confidence: samples === undefined || samples.files === 0 ? null : toConfidence(samples.logMiss),
      verified: toReading(verified),
      healed: { files: healed?.files ?? 0, bytes: healed?.bytes ?? 0 },
      lastAt: times.length === 0 ? null : Math.max(...times),
    }
  })
  return sortByName(all, destinations, (one) => one.destination)
}

const toReading = (found: ProofFigures | undefined): ProofReport['samples'] => {
  const { files, bytes, damaged, missing, unreadable } = found ?? noProofs()
  return { files, bytes, damaged, missing, unreadable }
}

/** @param sorted in ascending order */
export function summarizeDelays(sorted: Float64Array): Delay | null {
  // Nearest rank: the smallest value that at least this share of the values does not exceed.
  const rank = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0
  return sorted.length === 0 ? null : { files: sorted.length, p50: rank(0.5), p99: rank(0.99), max: rank(1) }
}

function buildAvailability(
  { checked }: ReportSubject,
  found: readonly CheckSum[],
  from: number,
  until: number,
): Availability[] {
  const getPath = nameFrom(checked)
  const hours = Math.max(1, Math.ceil(until / HOUR_MS) - Math.floor(from / HOUR_MS))
  const unchecked = checked.filter(({ id }) => !found.some((one) => one.id === id))
  const all = [...found, ...unchecked.map(({ id }) => ({ id, checks: 0, good: 0, hours: 0 }))]
  return sortByName(
    all.map(({ id, checks, good, hours: measured }) => ({
      path: getPath(id),
      ...{ checks, good, percent: checks === 0 ? null : (100 * good) / checks },
      measuredPercent: Math.min(100, (100 * measured) / hours),
    })),
    checked,
    (one) => one.path,
  )
}

function buildStations(
  { period, now }: ReportSubject,
  arrivals: readonly Arrivals[],
  { incidents, stations }: ReportFigures,
  until: number,
): Report['stations'] {
  const silences = incidents?.incidents.filter(({ kind }) => kind === 'sender-silent') ?? []
  const folders = new Set([...arrivals.map(({ folder }) => folder), ...stations.keys()])
  const all = [...folders].map((folder): Station => {
    const { files, bytes, firstAt, lastAt } = arrivals.find((one) => one.folder === folder) ?? {
      ...NOTHING,
      ...{ firstAt: null, lastAt: null },
    }
    // Ids of its incidents: of `holdfast receive`, and of the agent (agent/state/find-conditions.ts).
    const ids = [`silent:${folder}`, `sender:silent:${folder}`]
    const gaps = silences.filter(({ paths }) => ids.some((id) => id in paths))
    const gapMs = gaps.reduce((total, { startedAt, endedAt }) => {
      const length = Math.min(endedAt ?? now, until) - Math.max(startedAt, period.from)
      return total + Math.max(0, length)
    }, 0)
    const name = stations.get(folder) ?? folder
    return { folder, name, arrived: { files, bytes }, firstAt, lastAt, gaps: gaps.length, gapMs }
  })
  const sorted = all.toSorted((a, b) => a.name.localeCompare(b.name))
  return toList(sorted, sorted.length, MOST_STATIONS)
}

/** Returns sentences about the parts of the period that the data do not cover. */
function findLimits(
  { period, now }: ReportSubject,
  { checks, ledger, arrivals, notes }: ReportFigures,
  transfers: readonly Transfer[] | null,
): Message[] {
  const starts = transfers?.flatMap(({ since }) => since ?? []) ?? []
  // Each list begins with its first record. undefined: it is not part of the report.
  const lists = {
    transfersSince: transfers === null ? undefined : starts.length === 0 ? null : Math.min(...starts),
    checksSince: checks?.since,
    arrivalsSince: arrivals?.since,
  }
  const begun = (['transfersSince', 'checksSince', 'arrivalsSince'] as const).flatMap((list) => {
    const at = lists[list]
    return at == null ? [] : [{ list, at }]
  })
  const forgottenAt = ledger?.forgottenAt ?? null
  // A list that cannot be read has a note, and may have records.
  const isRead = notes.length === 0 && forgottenAt === null
  const isEmpty = isRead && begun.length === 0 && Object.values(lists).includes(null)
  return [
    ...(now < period.from ? [message('report.note.future')] : []),
    ...(now >= period.from && now < period.to ? [message('report.note.running')] : []),
    ...(isEmpty ? [message('report.note.noRecords')] : []),
    ...begun.flatMap(({ list, at }) => (at > period.from ? [message(`report.note.${list}`, { at })] : [])),
    ...(forgottenAt !== null && forgottenAt > period.from
      ? [message('report.note.forgotten', { at: forgottenAt })]
      : []),
    ...(period.from < now - KEPT_MS ? [message('report.note.kept', { days: KEPT_MS / (24 * HOUR_MS) })] : []),
  ]
}

/** The timeline, the check history and expected files are kept for this long. */
const KEPT_MS = 400 * 24 * HOUR_MS
