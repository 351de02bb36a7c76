import type { DestinationState } from '../core/agent/state/schema.ts'
import { formatBytes, formatDuration } from '../core/words/formats.ts'
import { quoteControls } from './quote-controls.ts'
import { terminalWords } from './terminal-words.ts'

/** A destination as one line for a terminal: its name, its address, and how it stands. */
export function destinationLine(destination: DestinationState): string {
  const { name, kind, address, connection, totals, rate, left } = destination
  const shown = kind === 'embedded' ? 'this computer' : quoteControls(name)
  const waiting =
    totals.waitingFiles === 0
      ? ''
      : `, ${totals.waitingFiles} waiting (${formatBytes(totals.waitingBytes, 'en')})`
  const pace = rate > 0 ? `, ${formatBytes(rate, 'en')}/s` : ''
  const time = left === null ? '' : `, about ${formatDuration(left, 'en')} left`
  const { space } = connection
  const room =
    space === undefined ? '' : `, ${formatBytes(space.free, 'en')} of ${formatBytes(space.total, 'en')} free`
  const problem = connection.problem === null ? '' : `: ${terminalWords(connection.problem)}`
  return `${shown} (${address}), ${connection.state}${waiting}${pace}${time}${room}${problem}`
}
