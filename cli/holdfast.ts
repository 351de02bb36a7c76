import { isatty } from 'node:tty'
import { collectStart, endWithLauncher } from '../core/lib/workers/process.ts'
import { runPipe } from './check/pipe.ts'

endWithLauncher()
collectStart()
const [command, ...options] = process.argv.slice(2)
// A parent program waits for the first reply of `check --pipe`: nothing else is loaded for it.
const isPipe =
  (command === 'check' || (command === 'probe' && !isatty(2))) &&
  options.every((one) => one === '--pipe' || one === '--quoted') &&
  (options.length > 0 || !isatty(0))
if (isPipe) await runPipe({ pipe: options.length > 0, quoted: options.includes('--quoted') })
else await import('./run.ts')
