import type { Checked } from '../../check/checker-messages.ts'
import { noTotals } from '../../ledger/ledger-messages.ts'
import type { Message } from '../../lib/i18n/message.ts'
import type { WorkerReport } from '../../lib/workers/definition.ts'
import type { Scanned } from '../../scan/scanner-messages.ts'
import type { senderDefinition } from '../../send/sender-messages.ts'
import { destinationIds } from '../../settings/destinations.ts'
import type { Settings } from '../../settings/schema.ts'
import { isDiskFailing, scanProblem } from './derived.ts'
import { noProgress, sumProgress, sumRates, sumTotals, withDestinations } from './progress.ts'
import type { AppState, CheckedPathState, DestinationState, SourceState, WorkerState } from './schema.ts'

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
  { incidents }: AppState,
  id: string,
  connection: DestinationState['connection'],
): DestinationState['connection'] {
  const lasting = incidents.find(
    ({ endedAt, kind, failing }) =>
      endedAt === null && kind === connection.state && `destination:${id}` in failing,
  )
  return { ...connection, since: Math.min(connection.since, lasting?.startedAt ?? connection.since) }
}

// Applies the settings and each worker's report to the state; pure.

/** Delays kept for the sparkline of one path. */
const KEPT_DELAYS = 30

const newSource: Omit<SourceState, 'settings'> = {
  destinations: [],
  checked: null,
  delays: [],
  scanned: null,
  newest: null,
  lastFile: null,
  ...noProgress,
}

/** Returns the ids of all checked paths. */
export function pathIds({
  sources,
  checkedPaths,
  destinations,
}: Pick<AppState, 'sources' | 'checkedPaths' | 'destinations'>): string[] {
  const folders = destinations.filter(({ kind }) => kind === 'folder')
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
  const places = destinations.map((destination) => {
    const before = state.destinations.find(({ id }) => id === destination.id)
    if (before === undefined) return destination
    const { connection, totals, rate, left, worker } = before
    // Without sources it has no sender, so nothing more is known about it.
    if (!used.has(destination.id)) return { ...destination, worker }
    const known = { ...destination, totals, rate, left, worker }
    return before.address === destination.address ? withConnection(known, connection) : known
  })
  return {
    settings,
    sources,
    ...sumProgress(sources, places),
    checkedPaths: settings.checkedPaths.map(({ id, path, link }) => {
      const before = state.checkedPaths.find((one) => one.id === id)
      return { id, path, link, checked: before?.checked ?? null, delays: before?.delays ?? [] }
    }),
    destinations: places,
    transfers: state.transfers.filter((one) => used.has(one.destination)),
  }
}

export function withChecked(state: AppState, checked: readonly Checked[]): Partial<AppState> {
  const news = new Map(checked.map((one) => [one.id, one]))
  return {
    sources: state.sources.map((source) => withVerdict(source, news.get(source.settings.id))),
    checkedPaths: state.checkedPaths.map((one) => withVerdict(one, news.get(one.id))),
  }
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

/** Returns the sources whose disk has recovered but that still show a problem. They need a new scan. */
export function findRecovered(before: AppState, after: AppState): string[] {
  const failed = new Set(before.sources.filter(isDiskFailing).map(({ settings }) => settings.id))
  return after.sources.flatMap((source) => {
    const { id } = source.settings
    const isBack = failed.has(id) && !isDiskFailing(source)
    return isBack && scanProblem(source) !== null ? [id] : []
  })
}

/** @param now milliseconds since 1970 */
export function withScanned(state: AppState, scanned: readonly Scanned[], now: number): Partial<AppState> {
  const news = new Map(scanned.map((one) => [one.id, one]))
  return {
    sources: state.sources.map((source) => {
      const one = news.get(source.settings.id)
      return one === undefined
        ? source
        : { ...source, scanned: one, newest: findNewestBatch(source, one, now) }
    }),
  }
}

function findNewestBatch({ newest }: SourceState, { batches }: Scanned, now: number): SourceState['newest'] {
  const name = batches.findLast(({ phase }) => phase === 'live')?.name
  if (name === undefined) return null
  return newest?.name === name ? newest : { name, since: now }
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
          ...withConnection(one, sinceIncident(state, destination, report.connection)),
          totals: sumTotals(mine.map(({ totals }) => totals)),
          rate: sumRates(mine),
          left: report.leftOfAll,
        }
      : one,
  )
  return {
    sources,
    destinations,
    ...sumProgress(sources, destinations),
    allowance: report.allowance,
    transfers: [...state.transfers.filter((one) => one.destination !== destination), ...transfers],
  }
}

/** Applies the worker state of one destination's sender. The worst of all senders is shown as the sender's state. */
export function withSender(state: AppState, destination: string, worker: WorkerState): Partial<AppState> {
  const destinations = state.destinations.map((one) => (one.id === destination ? { ...one, worker } : one))
  const worst = [...CONDITIONS].reverse().flatMap((condition) => {
    const found = destinations.find((one) => one.worker.condition === condition)
    return found === undefined ? [] : [found.worker]
  })[0]
  return { destinations, workers: { ...state.workers, sender: worst ?? worker } }
}

/** From least to most severe. */
const CONDITIONS: readonly WorkerState['condition'][] = ['off', 'running', 'starting', 'restarting', 'failed']

/** Shows a refusal among the source's problems. */
function refusedState(
  id: string,
  refused: ReadonlyMap<string, Message>,
): Pick<SourceState, 'scanned'> | null {
  const refusal = refused.get(id)
  if (refusal === undefined) return null
  return { scanned: { id, phase: 'failed', problems: [refusal], batches: [] } }
}

function withVerdict<S extends Pick<CheckedPathState, 'checked' | 'delays'>>(
  state: S,
  checked: Checked | undefined,
): S {
  if (checked === undefined) return state
  return { ...state, checked, delays: [...state.delays, checked.delayMs].slice(-KEPT_DELAYS) }
}
