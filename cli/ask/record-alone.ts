import { type Known, recordCommand, toRow } from '../../core/agent/recording.ts'
import { appendChange } from '../../core/alerts/store/database.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { toReason } from '../../core/platform/system-error.ts'
import { getUserName } from '../../core/platform/user-name.ts'
import { plainWords, terminalWords } from '../terminal/terminal-words.ts'

/**
 * Runs a command of the contract in this process, and records it as an agent would.
 * @param file the database of the data directory, or of the receiver's store.
 */
export function recordAlone<T>(
  file: string,
  known: Known,
  command: string,
  input: unknown,
  run: () => Promise<T>,
): Promise<T> {
  const keep: Parameters<typeof recordCommand>[0]['keep'] = (change) => {
    try {
      appendChange(file, toRow(change, plainWords))
    } catch (error) {
      // The change itself is made.
      console.error(
        terminalWords(new UserError('change.notRecorded', { file, reason: toReason(error) }).sentence),
      )
    }
  }
  const by = { via: 'terminal', name: getUserName() } as const
  return recordCommand({ by, known: () => known, keep }, command, input, run)
}
