import { destinationFailure, stateWhenWell } from '../../core/agent/state/derived.ts'
import type { AppState, DestinationState } from '../../core/agent/state/schema.ts'
import { about, listed, terminalWords, translate } from '../terminal/terminal-words.ts'

/** Formats a destination as one line for a terminal: name, address and state. */
export function destinationLine(state: AppState, destination: DestinationState): string {
  const { name, kind, address, connection, totals, rate, left, damaged, lockDays } = destination
  const { space } = connection
  const failure = destinationFailure(state, destination)
  const shown = kind === 'embedded' ? translate('window.destination.here') : name
  const line = listed([
    translate('cli.destination', { name: shown, address }),
    // A failure is appended as a sentence instead of the state.
    ...(failure === null
      ? [translate(`cli.connection.${stateWhenWell(destination)}`, { since: destination.ejectedAt ?? 0 })]
      : []),
    ...(totals.waitingFiles === 0
      ? []
      : [translate('cli.waiting', { files: totals.waitingFiles, size: totals.waitingBytes })]),
    ...formatPace(rate, left),
    ...(lockDays === undefined ? [] : [translate('window.destinations.locked', { count: lockDays })]),
    ...(damaged === undefined ? [] : [translate('cli.heal.damaged', { count: damaged.files })]),
    ...(space === undefined ? [] : [translate('cli.space', { free: space.free, total: space.total })]),
  ])
  return failure === null ? line : about(line, terminalWords(failure.sentence))
}

/** Formats the rate and the time left; unknown values are left out. */
export const formatPace = (rate: number, left: number | null): string[] => [
  ...(rate > 0 ? [translate('cli.rate', { rate })] : []),
  ...(left === null ? [] : [translate('cli.left', { left })]),
]

/** Returns the state for --json: each destination with the reason why it gets no files. */
export const withFailures = (state: AppState) => ({
  ...state,
  destinations: state.destinations.map((one) => ({ ...one, failure: destinationFailure(state, one) })),
})
