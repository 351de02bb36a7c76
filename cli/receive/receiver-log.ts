import { destination, pino } from 'pino'
import { isDebugging } from '../../core/dropped-errors.ts'
import type { ReceiverEvents } from '../../core/receive/receiver.ts'
import { quoteControls } from '../terminal/quote-controls.ts'

/** Opens the log on standard error: JSON lines, or sentences with names quoted, so that each stays on one line. */
export function openReceiverLog(json: boolean): ReceiverEvents['log'] {
  if (!json)
    return (level, text) => void ((isDebugging || level !== 'debug') && console.error(quoteControls(text)))
  const log = pino(
    { level: isDebugging ? 'debug' : 'info', base: { name: 'holdfast-receive' } },
    destination({ dest: 2, sync: true }),
  )
  return (level, text) => log[level](text)
}
