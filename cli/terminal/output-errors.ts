import { errorCode } from '../../core/platform/system-error.ts'
import { exitNow } from './exit-now.ts'
import { translate } from './terminal-words.ts'

/**
 * Fails the command if its output cannot be written: a full disk must not look like success. A closed pipe, as after
 * `| head -1`, ends it silently. A service keeps running.
 * @param failed exit code for a failure.
 */
export function watchOutput(isService: boolean, failed: number): void {
  process.stdout.on('error', (error) => {
    if (isService) return
    const reason = errorCode(error) ?? String(error)
    if (reason === 'EPIPE') process.exit(0)
    console.error(translate('agent.outputFailed', { reason }))
    exitNow(failed)
  })
  process.stderr.on('error', () => undefined)
}
