import { destinationFailure, stateWhenWell } from '../core/agent/state/derived.ts'
import type { AppState, DestinationState } from '../core/agent/state/schema.ts'
import { about, listed, terminalWords, translate } from './terminal-words.ts'

/** A destination as one line for a terminal: its name, its address, and how it stands. */
export function destinationLine(state: AppState, destination: DestinationState): string {
  const { name, kind, address, connection, totals, rate, left } = destination
  const { space } = connection
  const failure = destinationFailure(state, destination)
  const shown = kind === 'embedded' ? translate('window.destination.here') : name
  const line = listed([
    translate('cli.destination', { name: shown, address }),
    // The sentence below says what is wrong.
    ...(failure === null ? [translate(`cli.connection.${stateWhenWell(destination)}`)] : []),
    ...(totals.waitingFiles === 0
      ? []
      : [translate('cli.waiting', { files: totals.waitingFiles, size: totals.waitingBytes })]),
    ...paceOf(rate, left),
    ...(space === undefined ? [] : [translate('cli.space', { free: space.free, total: space.total })]),
  ])
  return failure === null ? line : about(line, terminalWords(failure.sentence))
}

/** How fast files go, and how long they will; what is not known is left out. */
export const paceOf = (rate: number, left: number | null): string[] => [
  ...(rate > 0 ? [translate('cli.rate', { rate })] : []),
  ...(left === null ? [] : [translate('cli.left', { left })]),
]

/** The state for a program: each destination with what keeps files from it. */
export const withFailures = (state: AppState) => ({
  ...state,
  destinations: state.destinations.map((one) => ({ ...one, failure: destinationFailure(state, one) })),
})
