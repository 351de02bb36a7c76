import { destination, pino } from 'pino'
import type { ReceiverEvents } from '../core/receive/receiver.ts'
import { quoteControls } from './quote-controls.ts'

/**
 * On a terminal the log is plain sentences, one a line whatever a stranger calls itself; elsewhere it is JSON lines on
 * stderr.
 */
export function openReceiverLog(isTerminal: boolean): ReceiverEvents['log'] {
  if (isTerminal) return (level, text) => void (level !== 'debug' && console.error(quoteControls(text)))
  const log = pino({ base: { name: 'holdfast-receive' } }, destination({ dest: 2, sync: true }))
  return (level, text) => log[level](text)
}
