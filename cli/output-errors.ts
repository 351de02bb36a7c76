import { errorCode } from '../core/files/system-error.ts'
import { message } from '../core/words/message.ts'
import { exitNow } from './exit-now.ts'
import { terminalWords } from './terminal-words.ts'

/**
 * What is printed goes somewhere, or the command fails: a full disk must not look like success. Where nobody reads any
 * more, as after `| head -1`, it ends without a word. A service goes on with its work.
 */
export function watchOutput(isService: boolean): void {
  process.stdout.on('error', (thrown) => {
    if (isService) return
    const reason = errorCode(thrown) ?? String(thrown)
    if (reason === 'EPIPE') process.exit(0)
    console.error(terminalWords(message('agent.outputFailed', { reason })))
    exitNow(1)
  })
  process.stderr.on('error', () => undefined)
}
