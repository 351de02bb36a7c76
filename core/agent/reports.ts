import type { Checked } from '../check/messages.ts'
import type { Scanned } from '../scan/messages.ts'
import type { senderDefinition } from '../send/messages.ts'
import type { Settings } from '../settings/schema.ts'
import type { Message } from '../words/message.ts'
import type { ReportOf } from '../worker/definition.ts'
import { noTotals, sumTotals } from './initial-state.ts'
import type { AppState, CheckedPathState, DestinationState, SourceState } from './state-schema.ts'

// What the settings and each worker's report make of the state; pure.

/** Delays kept for the sparkline of one path. */
const KEPT_DELAYS = 30

const newSource: Omit<SourceState, 'settings'> = {
  checked: null,
  delays: [],
  scanned: null,
  totals: noTotals,
  lastFile: null,
  rate: 0,
  left: null,
}

/** The ids of all that is checked. */
export function pathIds({ sources, checkedPaths }: Pick<AppState, 'sources' | 'checkedPaths'>): string[] {
  return [...sources.map(({ settings }) => settings.id), ...checkedPaths.map(({ id }) => id)]
}

/** What stays in the settings keeps what is known of it; a destination, while its address is the same. */
export function withSettings(
  state: AppState,
  settings: Settings,
  refused: ReadonlyMap<string, Message>,
  destination: DestinationState,
): Partial<AppState> {
  const isSameDestination = destination.address === state.destination.address
  return {
    settings,
    sources: settings.sources.map((source) => ({
      ...(state.sources.find((one) => one.settings.id === source.id) ?? newSource),
      settings: source,
      ...refusedState(source.id, refused),
    })),
    checkedPaths: settings.checkedPaths.map(({ id, path }) => {
      const before = state.checkedPaths.find((one) => one.id === id)
      return { id, path, checked: before?.checked ?? null, delays: before?.delays ?? [] }
    }),
    destination: isSameDestination
      ? { ...destination, connection: state.destination.connection }
      : destination,
  }
}

export function withChecked(state: AppState, checked: readonly Checked[]): Partial<AppState> {
  const news = new Map(checked.map((one) => [one.id, one]))
  return {
    sources: state.sources.map((source) => withVerdict(source, news.get(source.settings.id))),
    checkedPaths: state.checkedPaths.map((one) => withVerdict(one, news.get(one.id))),
  }
}

export function withScanned(state: AppState, scanned: readonly Scanned[]): Partial<AppState> {
  const news = new Map(scanned.map((one) => [one.id, one]))
  return {
    sources: state.sources.map((source) => {
      const one = news.get(source.settings.id)
      return one === undefined ? source : { ...source, scanned: one }
    }),
  }
}

export function withSent(state: AppState, report: ReportOf<typeof senderDefinition>): Partial<AppState> {
  const sources = state.sources.map((source): SourceState => {
    const { id } = source.settings
    return {
      ...source,
      totals: report.totals[id] ?? noTotals,
      lastFile: report.lastFile[id] ?? source.lastFile,
      rate: report.rates[id] ?? 0,
      left: report.left[id] ?? null,
    }
  })
  return {
    sources,
    totals: sumTotals(sources.map(({ totals }) => totals)),
    rate: sources.reduce((sum, { rate }) => sum + rate, 0),
    left: report.leftOfAll,
    allowance: report.allowance,
    transfers: report.transfers,
    destination: { ...state.destination, connection: report.connection },
  }
}

/** A source that must not run says so where its problems are read. */
function refusedState(
  id: string,
  refused: ReadonlyMap<string, Message>,
): Pick<SourceState, 'scanned'> | null {
  const refusal = refused.get(id)
  if (refusal === undefined) return null
  return { scanned: { id, phase: 'failed', unwatchedDirectories: 0, problems: [refusal], batches: [] } }
}

function withVerdict<S extends Pick<CheckedPathState, 'checked' | 'delays'>>(
  state: S,
  checked: Checked | undefined,
): S {
  if (checked === undefined) return state
  return { ...state, checked, delays: [...state.delays, checked.delayMs].slice(-KEPT_DELAYS) }
}
