import { getKind } from '../../backends/kinds.ts'
import type { Checked } from '../../check/checker-messages.ts'
import { noTotals, type Totals } from '../../ledger/ledger-messages.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import type { WorkerReport } from '../../lib/workers/definition.ts'
import { isThisComputer } from '../../platform/mounts.ts'
import type { Scanned } from '../../scan/scanner-messages.ts'
import type { senderDefinition } from '../../send/sender-messages.ts'
import type { Destination } from '../../settings/destination-schema.ts'
import { destinationIds, EMBEDDED_DESTINATION, formatLocation } from '../../settings/destinations.ts'
import type { Settings, ShownSettings } from '../../settings/schema.ts'
import type { Secrets } from '../../settings/secret-owner.ts'
import { computerStates } from '../parts/computers/computers.ts'
import { receivingState } from '../parts/receiving/receiving.ts'
import { isDiskFailing, scanProblem } from './derived.ts'
import type {
  AppState,
  CheckedPathState,
  DestinationState,
  SendProgress,
  SourceDestination,
  SourceState,
  WorkerState,
} from './schema.ts'

// Computes the next application state, without effects: the initial one, and the one after new settings or after a
// report of the checker, the scanner or a sender; and the sums of the progress of sending.

const off: WorkerState = { condition: 'off', restarts: 0, since: 0, pid: null }
/** Conditions of a worker, from least to most severe. */
const CONDITIONS: readonly WorkerState['condition'][] = ['off', 'running', 'starting', 'restarting', 'failed']
/** Delays kept for the sparkline of one path. */
const KEPT_DELAYS = 30
const noProgress: SendProgress = { totals: noTotals, rate: 0, left: null }
const newSource: Omit<SourceState, 'settings'> = {
  destinations: [],
  checked: null,
  delays: [],
  scanned: null,
  newest: null,
  lastFile: null,
  ...noProgress,
}

/** Returns the state before any worker has reported. */
export function initialState(
  host: AppState['host'],
  version: string,
  settings: Settings,
  storeDirectory: string,
): AppState {
  return {
    version,
    host,
    status: { level: 'starting', sentence: message('status.starting'), detail: null },
    failures: {},
    sources: [],
    checkedPaths: [],
    disks: { at: null, all: [] },
    ...noProgress,
    allowance: { now: { kind: 'free' }, until: null },
    surroundings: { battery: 'unsupported', metered: 'unsupported' },
    transfers: [],
    destinations: destinationStates(settings, storeDirectory),
    localCopies: null,
    receiving: receivingState(settings, Date.now()),
    proxy: { address: null, hasPassword: false },
    web: null,
    computers: computerStates(settings, [], Date.now()),
    parked: [],
    incidents: [],
    notices: [],
    proposals: [],
    restore: null,
    comparison: null,
    awakeSince: Date.now(),
    channels: [],
    eventSinks: [],
    secretStorage: 'file',
    workers: { checker: off, scanner: off, sender: off, receiver: off },
    settings: toShown(settings),
  }
}

/** Returns the initial states of the configured destinations; without any, that of the folder on this computer. */
export function destinationStates(
  settings: Settings,
  storeDirectory: string,
  secrets: Secrets = {},
): DestinationState[] {
  const connection = { state: 'idle' as const, since: Date.now(), problem: null }
  const unreported = { connection, ...noProgress, worker: off }
  if (settings.destinations.length === 0) {
    const embedded = { id: EMBEDDED_DESTINATION, kind: 'embedded' as const, name: '', elsewhere: false }
    return [{ ...embedded, address: storeDirectory, secrets: [], ...unreported }]
  }
  return settings.destinations.map((destination) => ({
    id: destination.id,
    kind: destination.kind,
    name: destination.name,
    elsewhere: isElsewhere(destination),
    address: formatLocation(destination),
    ...(destination.kind === 'folder' &&
      destination.ejected !== undefined && { ejectedAt: destination.ejected.since }),
    ...(destination.kind === 's3' && destination.lockDays !== null && { lockDays: destination.lockDays }),
    secrets: Object.keys(secrets[destination.id] ?? {}),
    ...unreported,
  }))
}

/**
 * True if the destination is on another computer, as far as its address shows. For a folder only its disk can show
 * that.
 */
export function isElsewhere(destination: Destination): boolean {
  const server = getKind(destination.kind).getServer(destination)
  return server !== null && !isThisComputer(server.host)
}

/** Returns the ids of all checked paths. The disk of an ejected folder is not checked. */
export function pathIds({
  sources,
  checkedPaths,
  destinations,
}: Pick<AppState, 'sources' | 'checkedPaths' | 'destinations'>): string[] {
  const folders = destinations.filter(({ kind, ejectedAt }) => kind === 'folder' && ejectedAt === undefined)
  return [...sources.map(({ settings }) => settings.id), ...[...checkedPaths, ...folders].map(({ id }) => id)]
}

/**
 * Applies new settings. Items that stay keep their state; a destination keeps its connection while its address is
 * unchanged.
 */
export function withSettings(
  state: AppState,
  settings: Settings,
  refused: ReadonlyMap<string, Message>,
  destinations: readonly DestinationState[],
): Partial<AppState> {
  const used = new Set(settings.sources.flatMap((source) => destinationIds(settings, source)))
  // The first destination's sender always runs.
  for (const { id } of destinations.slice(0, 1)) used.add(id)
  const sources = settings.sources.map((source) => {
    const before = state.sources.find((one) => one.settings.id === source.id) ?? newSource
    return withDestinations(
      { ...before, settings: source, ...refusedState(source.id, refused) },
      destinationIds(settings, source).map(
        (id) => before.destinations.find((one) => one.id === id) ?? { id, ...noProgress },
      ),
    )
  })
  const updated = destinations.map((destination) => {
    const before = state.destinations.find(({ id }) => id === destination.id)
    if (before === undefined) return destination
    const { connection, totals, rate, left, worker, healing } = before
    // A destination without sources has no sender, so nothing more is known about it.
    if (!used.has(destination.id)) return { ...destination, worker }
    const known = {
      ...destination,
      ...pickReported(before),
      ...(healing === undefined ? {} : { healing }),
      totals,
      rate,
      left,
      worker,
    }
    return before.address === destination.address ? withConnection(known, connection) : known
  })
  return {
    settings: toShown(settings),
    sources,
    ...sumProgress(sources, updated),
    checkedPaths: settings.checkedPaths.map(({ id, path, link }) => {
      const before = state.checkedPaths.find((one) => one.id === id)
      return { id, path, link, checked: before?.checked ?? null, delays: before?.delays ?? [] }
    }),
    disks: settings.check.diskHealth ? state.disks : { at: null, all: [] },
    destinations: updated,
    transfers: state.transfers.filter((one) => used.has(one.destination)),
  }
}

/** Returns the settings as views may see them: a viewer, too, receives the state. */
function toShown(settings: Settings): ShownSettings {
  return { ...settings, webTokens: settings.webTokens.map(({ digest: _, ...shown }) => shown) }
}

/** Applies check results. */
export function withChecked(state: AppState, checked: readonly Checked[]): Partial<AppState> {
  const resultById = new Map(checked.map((result) => [result.id, result]))
  return {
    sources: state.sources.map((source) => withVerdict(source, resultById.get(source.settings.id))),
    checkedPaths: state.checkedPaths.map((one) => withVerdict(one, resultById.get(one.id))),
  }
}

function withVerdict<S extends Pick<CheckedPathState, 'checked' | 'delays'>>(
  state: S,
  checked: Checked | undefined,
): S {
  if (checked === undefined) return state
  return { ...state, checked, delays: [...state.delays, checked.delayMs].slice(-KEPT_DELAYS) }
}

/** Returns the sources whose disk has recovered but that still show a problem. They need a new scan. */
export function findRecovered(before: AppState, after: AppState): string[] {
  const failed = new Set(before.sources.filter(isDiskFailing).map(({ settings }) => settings.id))
  return after.sources.flatMap((source) => {
    const { id } = source.settings
    const isBack = failed.has(id) && !isDiskFailing(source)
    return isBack && scanProblem(source) !== null ? [id] : []
  })
}

/**
 * Applies the reports of the scanner.
 * @param now milliseconds since 1970
 */
export function withScanned(state: AppState, scanned: readonly Scanned[], now: number): Partial<AppState> {
  const reportById = new Map(scanned.map((report) => [report.id, report]))
  return {
    sources: state.sources.map((source) => {
      const report = reportById.get(source.settings.id)
      return report === undefined
        ? source
        : { ...source, scanned: report, newest: findNewestBatch(source, report, now) }
    }),
  }
}

function findNewestBatch({ newest }: SourceState, { batches }: Scanned, now: number): SourceState['newest'] {
  const name = batches.findLast(({ phase }) => phase === 'live')?.name
  if (name === undefined) return null
  return newest?.name === name ? newest : { name, since: now }
}

/** Discards the reports of a scanner that has ended: no source is watched until the next one reports. */
export function withoutScanned(
  { sources }: AppState,
  refused: ReadonlyMap<string, Message>,
): Partial<AppState> {
  return {
    sources: sources.map((source) => ({
      ...source,
      scanned: null,
      ...refusedState(source.settings.id, refused),
    })),
  }
}

/** Shows a refusal among the source's problems. */
function refusedState(
  id: string,
  refused: ReadonlyMap<string, Message>,
): Pick<SourceState, 'scanned'> | null {
  const refusal = refused.get(id)
  if (refusal === undefined) return null
  return { scanned: { id, phase: 'failed', problems: [refusal], batches: [] } }
}

/** Applies the report of one destination's sender. */
export function withSent(
  state: AppState,
  destination: string,
  report: WorkerReport<typeof senderDefinition>,
): Partial<AppState> {
  const sources = state.sources.map((source): SourceState => {
    const { id } = source.settings
    if (!source.destinations.some((one) => one.id === destination)) return source
    const restless = (report.restless ?? []).filter((one) => one.source === id)
    const sent = {
      id: destination,
      totals: report.totals[id] ?? noTotals,
      rate: report.rates[id] ?? 0,
      left: report.left[id] ?? null,
      reported: true,
      ...(report.nextDue[id] === undefined ? {} : { nextDue: report.nextDue[id] }),
      ...(restless.length === 0 ? {} : { restless }),
    }
    const last = report.lastFile[id]
    const isNewer = last !== undefined && last.at >= (source.lastFile?.at ?? 0)
    return withDestinations(
      { ...source, lastFile: isNewer ? last : source.lastFile },
      source.destinations.map((one) => (one.id === destination ? sent : one)),
    )
  })
  const mine = sources.flatMap((source) => source.destinations.filter((one) => one.id === destination))
  const transfers = report.transfers.map((one) => ({ ...one, destination }))
  const destinations = state.destinations.map((one) =>
    one.id === destination
      ? {
          ...withConnection(withoutReported(one), sinceIncident(state, destination, report.connection)),
          totals: sumTotals(mine.map(({ totals }) => totals)),
          rate: sumRates(mine),
          left: report.leftOfAll,
          ...pickReported(report),
        }
      : one,
  )
  return {
    sources,
    destinations,
    ...sumProgress(sources, destinations),
    transfers: [...state.transfers.filter((one) => one.destination !== destination), ...transfers],
  }
}

/** Fields of a destination that a sender's report has only if there is something to report. */
const REPORTED = ['unfit', 'damaged', 'samples', 'proofRound'] as const
type Reported = Pick<DestinationState, (typeof REPORTED)[number]>

function pickReported(from: Reported): Reported {
  const picked: Reported = {}
  for (const key of REPORTED) if (from[key] !== undefined) Object.assign(picked, { [key]: from[key] })
  return picked
}

function withoutReported(destination: DestinationState): DestinationState {
  const rest = { ...destination }
  for (const key of REPORTED) delete rest[key]
  return rest
}

/** Applies the worker state of one destination's sender. The worst of all senders is shown as the sender's state. */
export function withSender(state: AppState, destination: string, worker: WorkerState): Partial<AppState> {
  const destinations = state.destinations.map((one) => (one.id === destination ? { ...one, worker } : one))
  const workers = destinations.map((one) => one.worker)
  return { destinations, workers: { ...state.workers, sender: findWorst(workers) ?? worker } }
}

function findWorst(workers: readonly WorkerState[]): WorkerState | undefined {
  const gravity = ({ condition }: WorkerState) => CONDITIONS.indexOf(condition)
  return workers.reduce<WorkerState | undefined>(
    (worst, one) => (worst === undefined || gravity(one) > gravity(worst) ? one : worst),
    undefined,
  )
}

/** Adds a connection. It may show that the address belongs to this computer. */
function withConnection<D extends Pick<DestinationState, 'elsewhere' | 'kind'>>(
  destination: D,
  connection: DestinationState['connection'],
) {
  // For a folder, only its disk shows that it is on another computer.
  const elsewhere =
    destination.kind === 'folder'
      ? connection.toItself === false
      : destination.elsewhere && connection.toItself !== true
  return { ...destination, connection, elsewhere }
}

/** Uses the start of the open incident, which may have begun before this run. */
function sinceIncident(
  { incidents }: Pick<AppState, 'incidents'>,
  id: string,
  connection: DestinationState['connection'],
): DestinationState['connection'] {
  const lasting = incidents.find(
    ({ endedAt, kind, failing }) =>
      endedAt === null && kind === connection.state && `destination:${id}` in failing,
  )
  return { ...connection, since: Math.min(connection.since, lasting?.startedAt ?? connection.since) }
}

/** Sets the incidents. Those of before this run are read while the first reports come. */
export function withIncidents(
  state: Pick<AppState, 'destinations'>,
  incidents: AppState['incidents'],
): Partial<AppState> {
  const destinations = state.destinations.map((one) => ({
    ...one,
    connection: sinceIncident({ incidents }, one.id, one.connection),
  }))
  return { incidents, destinations }
}

/** Sets a source's destinations. Its progress is that of the slowest one. */
function withDestinations(source: SourceState, destinations: SourceDestination[]): SourceState {
  return {
    ...source,
    destinations,
    totals: furthestBehind(destinations.map(({ totals }) => totals)),
    rate: sumRates(destinations),
    left: longestLeft(destinations),
  }
}

function sumProgress(
  sources: readonly SourceState[],
  destinations: readonly DestinationState[],
): SendProgress {
  return {
    totals: sumTotals(sources.map(({ totals }) => totals)),
    rate: sumRates(sources),
    // Files for an ejected disk are not on their way.
    left: longestLeft(destinations.filter(({ ejectedAt }) => ejectedAt === undefined)),
  }
}

function furthestBehind(all: readonly Totals[]): Totals {
  const most = (of: (one: Totals) => number) => Math.max(...all.map(of))
  const least = (of: (one: Totals) => number) => Math.min(...all.map(of))
  return {
    waitingFiles: most(({ waitingFiles }) => waitingFiles),
    waitingBytes: most(({ waitingBytes }) => waitingBytes),
    sentFiles: least(({ sentFiles }) => sentFiles),
    sentBytes: least(({ sentBytes }) => sentBytes),
    parkedFiles: most(({ parkedFiles }) => parkedFiles),
    removedFiles: most(({ removedFiles }) => removedFiles),
    removedBytes: most(({ removedBytes }) => removedBytes),
    deletedFiles: most(({ deletedFiles }) => deletedFiles),
    deletedBytes: most(({ deletedBytes }) => deletedBytes),
  }
}

const sumRates = (all: readonly { rate: number }[]) => all.reduce((sum, { rate }) => sum + rate, 0)

/** Returns the longest estimate; null if any destination with waiting files has none. */
function longestLeft(all: readonly Pick<SourceDestination, 'totals' | 'left'>[]): number | null {
  const waiting = all.filter(({ totals }) => totals.waitingFiles > 0)
  const known = waiting.flatMap(({ left }) => (left === null ? [] : [left]))
  return known.length === 0 || known.length < waiting.length ? null : Math.max(...known)
}

function sumTotals(all: readonly Totals[]): Totals {
  return all.reduce(
    (sum, one) => ({
      waitingFiles: sum.waitingFiles + one.waitingFiles,
      waitingBytes: sum.waitingBytes + one.waitingBytes,
      sentFiles: sum.sentFiles + one.sentFiles,
      sentBytes: sum.sentBytes + one.sentBytes,
      parkedFiles: sum.parkedFiles + one.parkedFiles,
      removedFiles: sum.removedFiles + one.removedFiles,
      removedBytes: sum.removedBytes + one.removedBytes,
      deletedFiles: sum.deletedFiles + one.deletedFiles,
      deletedBytes: sum.deletedBytes + one.deletedBytes,
    }),
    noTotals,
  )
}
