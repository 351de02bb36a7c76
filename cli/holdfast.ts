import { Command, CommanderError } from 'commander'
import { sentenceOf } from '../core/words/problem.ts'
import { endWithLauncher } from '../core/worker/launcher.ts'
import { registerAgent } from './agent.ts'
import { registerChannels } from './channels.ts'
import { registerCheck } from './check.ts'
import { registerDestinations } from './destinations.ts'
import { exitNow } from './exit-now.ts'
import { registerHistory } from './history.ts'
import { registerIncidents } from './incidents.ts'
import { registerLimit } from './limit.ts'
import { watchOutput } from './output-errors.ts'
import { registerPair } from './pair.ts'
import { registerPaths } from './paths.ts'
import { registerPause } from './pause.ts'
import { registerProbe } from './probe.ts'
import { quoteLines } from './quote-controls.ts'
import { registerReceive } from './receive.ts'
import { registerRestore } from './restore.ts'
import { registerScan } from './scan.ts'
import { registerSenders } from './senders.ts'
import { registerStatus } from './status.ts'
import { terminalWords } from './terminal-words.ts'
import { registerVerify } from './verify.ts'
import { version } from './version.ts'
import { WrongUsage } from './wrong-usage.ts'

const EXIT_USAGE = 2
const EXIT_FAILED = 1
/** What `holdfast status` exits with when no agent runs. */
const EXIT_NOT_RUNNING = 3

/** They go on with their work, whoever still listens. */
const SERVICES = ['agent', 'receive']

endWithLauncher()
watchOutput(SERVICES.includes(process.argv[2] ?? ''))

const program = new Command('holdfast')
  .description(
    'Keeps data directories safe: checks their disks, ships every finished file off-site, and tells.',
  )
  .version(version)
  // `holdfast restore --version NAME` is that command's own.
  .enablePositionalOptions()
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(quoteLines(text)) })
  .showHelpAfterError('(holdfast --help lists the commands)')

registerAgent(program)
registerStatus(program)
registerHistory(program)
registerIncidents(program)
registerChannels(program)
registerPaths(program)
registerPause(program)
registerLimit(program)
registerScan(program)
registerReceive(program)
registerPair(program)
registerDestinations(program)
registerVerify(program)
registerRestore(program)
registerSenders(program)
registerProbe(program)
registerCheck(program)

try {
  await program.parseAsync()
} catch (thrown) {
  if (thrown instanceof CommanderError) {
    // Not at once: that its words could not be printed is told first.
    process.exitCode = thrown.exitCode === 0 ? 0 : EXIT_USAGE
  } else explain(thrown)
}

function explain(thrown: unknown): void {
  const sentence = sentenceOf(thrown)
  console.error(terminalWords(sentence))
  if (thrown instanceof WrongUsage) process.exit(EXIT_USAGE)
  exitNow(sentence.key === 'agent.notRunning' ? EXIT_NOT_RUNNING : EXIT_FAILED)
}
