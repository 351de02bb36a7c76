import { Command } from 'commander'
import { quoteLines } from './quote-controls.ts'
import { version } from './version.ts'

type Register = (program: Command) => void

/** In the order of the help. Only the requested command is loaded: loading takes most of a short command's time. */
const commands: Record<string, () => Promise<Register>> = {
  agent: async () => (await import('./agent.ts')).registerAgent,
  status: async () => (await import('./status.ts')).registerStatus,
  diagnostics: async () => (await import('./diagnostics.ts')).registerDiagnostics,
  expected: async () => (await import('./expected.ts')).registerExpected,
  report: async () => (await import('./report.ts')).registerReport,
  history: async () => (await import('./history.ts')).registerHistory,
  incidents: async () => (await import('./incidents.ts')).registerIncidents,
  changes: async () => (await import('./changes.ts')).registerChanges,
  channels: async () => (await import('./channels.ts')).registerChannels,
  events: async () => (await import('./events.ts')).registerEvents,
  paths: async () => (await import('./paths.ts')).registerPaths,
  pause: async () => (await import('./pause.ts')).registerPause,
  limit: async () => (await import('./limit.ts')).registerLimit,
  keep: async () => (await import('./keep.ts')).registerKeep,
  settings: async () => (await import('./settings.ts')).registerSettings,
  scan: async () => (await import('./scan.ts')).registerScan,
  web: async () => (await import('./web.ts')).registerWeb,
  computers: async () => (await import('./computers.ts')).registerComputers,
  receiving: async () => (await import('./receiving.ts')).registerReceiving,
  receive: async () => (await import('./receive.ts')).registerReceive,
  pair: async () => (await import('./pair.ts')).registerPair,
  destinations: async () => (await import('./destinations.ts')).registerDestinations,
  verify: async () => (await import('./verify.ts')).registerVerify,
  restore: async () => (await import('./restore.ts')).registerRestore,
  senders: async () => (await import('./senders.ts')).registerSenders,
  probe: async () => (await import('./probe.ts')).registerProbe,
  check: async () => (await import('./check.ts')).registerCheck,
  service: async () => (await import('./service.ts')).registerService,
  completion: async () => (await import('./completion.ts')).registerCompletion,
}
/** Commands that another command's module registers. */
const beside: Record<string, string> = { resume: 'pause' }

/**
 * Loads the command line with the requested command, or with all of them if there is none of that name.
 *
 * @param asked the first word
 */
export async function loadProgram(asked: string): Promise<Command> {
  const program = new Command('holdfast')
    .description(
      'Keeps data directories safe: checks their disks, ships every finished file off-site, and notifies people.',
    )
    .version(version)
    // `holdfast restore --version NAME` is an option of that command.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(quoteLines(text)) })
    .showHelpAfterError('(holdfast --help lists the commands)')
  const known = beside[asked] ?? asked
  const wanted = Object.hasOwn(commands, known) ? [commands[known]] : Object.values(commands)
  for (const load of asked === '--version' ? [] : wanted) (await load?.())?.(program)
  nameHelp(program.commands, program.name())
  return program
}

/** Names the help of the command that was used wrongly, below the error. */
function nameHelp(commands: readonly Command[], before: string): void {
  for (const command of commands) {
    const name = `${before} ${command.name()}`
    command.showHelpAfterError(`(${name} --help shows how it is used)`)
    nameHelp(command.commands, name)
  }
}
