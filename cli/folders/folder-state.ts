import {
  findCause,
  findKeepers,
  findRemovalObstacle,
  getScanActivity,
  isCounted,
  isOldVerdict,
  joinNames,
} from '../../core/agent/state/derived.ts'
import type { AppState, SourceDestination, SourceState } from '../../core/agent/state/schema.ts'
import { type Message, message } from '../../core/lib/i18n/message.ts'
import { formatPace } from '../destinations/destination-line.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { about, listed, terminalWords, translate } from '../terminal/terminal-words.ts'
import { heldLines, mutedLines } from './folder-lines.ts'

/**
 * Formats the present state of each protected and checked path, as lines for a terminal.
 *
 * @param now milliseconds since 1970
 */
export function describeFolders(state: AppState, now: number = Date.now()): string[] {
  const verdict = (checked: AppState['checkedPaths'][number]['checked']) => {
    if (checked === null) return translate('window.health.unknown')
    // As on the cards: a failure stays valid until recovery, "OK" expires.
    const isOld = isOldVerdict(checked, state.settings.check.intervalSeconds, now)
    if (checked.overall.kind === 'ok' && isOld) return translate('window.health.old')
    return terminalWords(checked.overall.sentence)
  }
  return [
    ...state.sources.flatMap((source) => sourceLines(state, source, verdict)),
    ...state.checkedPaths.flatMap(({ id, path, checked }) => [
      about(path, verdict(checked)),
      ...causeLines(state, id),
      ...mutedLines(state.settings, id).map((line) => `  ${line}`),
    ]),
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
    ...causeLines(state, settings.id),
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

const causeLines = (state: AppState, id: string) =>
  findCause(state, id).map((one) => `  ${terminalWords(one)}`)

/** Formats the files that are gone here: deleted by others, or removed by Holdfast after they were sent. */
function goneLines(state: AppState, source: SourceState): string[] {
  const { deletedFiles, deletedBytes, removedFiles, removedBytes } = source.totals
  const destinations = joinNames(findKeepers(state, [source]))
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

export function formatCounts(totals: SourceState['totals']): string {
  const { sentFiles, sentBytes, waitingFiles, waitingBytes, parkedFiles } = totals
  return listed([
    translate('cli.status.sentFiles', { count: sentFiles, size: sentBytes }),
    ...(waitingFiles > 0
      ? [translate('cli.status.waitingFiles', { count: waitingFiles, size: waitingBytes })]
      : []),
    ...(parkedFiles > 0 ? [translate('cli.status.parkedFiles', { count: parkedFiles })] : []),
  ])
}

/** Formats a source's counts at one of several destinations. */
function formatDestinationCounts(state: AppState, { id, totals }: SourceDestination): string {
  const name = state.destinations.find((one) => one.id === id)?.name ?? id
  return translate('cli.status.countsThere', { name, counts: formatCounts(totals) })
}

function describeRemoval(
  state: AppState,
  destinations: readonly SourceDestination[],
  { hours }: { hours: number },
): Message {
  const mine = state.destinations.filter(({ id }) => destinations.some((one) => one.id === id))
  return findRemovalObstacle(mine) ?? message('cli.status.deleteAfter', { after: hours * 3_600_000 })
}
