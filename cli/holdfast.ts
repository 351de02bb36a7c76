import { Command, CommanderError } from 'commander'
import { sentenceOf } from '../core/words/problem.ts'
import { endWithLauncher } from '../core/worker/launcher.ts'
import { exitNow } from './exit-now.ts'
import { watchOutput } from './output-errors.ts'
import { quoteLines } from './quote-controls.ts'
import { terminalWords } from './terminal-words.ts'
import { version } from './version.ts'
import { WrongUsage } from './wrong-usage.ts'

const EXIT_USAGE = 2
const EXIT_FAILED = 1
/** What `holdfast status` exits with when no agent runs. */
const EXIT_NOT_RUNNING = 3

type Register = (program: Command) => void

/** In the order of the help. Only the one that is asked for is loaded: most of the time of a short command is that. */
const commands: Record<string, () => Promise<Register>> = {
  agent: async () => (await import('./agent.ts')).registerAgent,
  status: async () => (await import('./status.ts')).registerStatus,
  history: async () => (await import('./history.ts')).registerHistory,
  incidents: async () => (await import('./incidents.ts')).registerIncidents,
  channels: async () => (await import('./channels.ts')).registerChannels,
  paths: async () => (await import('./paths.ts')).registerPaths,
  pause: async () => (await import('./pause.ts')).registerPause,
  limit: async () => (await import('./limit.ts')).registerLimit,
  settings: async () => (await import('./settings.ts')).registerSettings,
  scan: async () => (await import('./scan.ts')).registerScan,
  receive: async () => (await import('./receive.ts')).registerReceive,
  pair: async () => (await import('./pair.ts')).registerPair,
  destinations: async () => (await import('./destinations.ts')).registerDestinations,
  verify: async () => (await import('./verify.ts')).registerVerify,
  restore: async () => (await import('./restore.ts')).registerRestore,
  senders: async () => (await import('./senders.ts')).registerSenders,
  probe: async () => (await import('./probe.ts')).registerProbe,
  check: async () => (await import('./check.ts')).registerCheck,
}
/** Commands that another one's module registers. */
const beside: Record<string, string> = { resume: 'pause' }

/** They go on with their work, whoever still listens. */
const SERVICES = ['agent', 'receive']

const [asked = ''] = process.argv.slice(2)
endWithLauncher()
watchOutput(SERVICES.includes(asked))

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

try {
  const known = beside[asked] ?? asked
  const wanted = Object.hasOwn(commands, known) ? [commands[known]] : Object.values(commands)
  for (const load of asked === '--version' ? [] : wanted) (await load?.())?.(program)
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
