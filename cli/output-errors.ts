import { errorCode } from '../core/platform/system-error.ts'
import { exitNow } from './exit-now.ts'
import { translate } from './terminal-words.ts'

/**
 * What is printed goes somewhere, or the command fails: a full disk must not look like success. Where nobody reads any
 * more, as after `| head -1`, it ends without a word. A service goes on with its work.
 * @param failed what the command ends with where it could not do its work.
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
