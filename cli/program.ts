import { Command } from 'commander'
import { quoteLines } from './quote-controls.ts'
import { version } from './version.ts'

type Register = (program: Command) => void

interface Entry {
  /** The command's line in the list of commands. */
  summary: string
  load: () => Promise<Register>
}

/**
 * All commands, in the order of the help. Only the requested command is loaded, and none for the list of commands:
 * loading takes most of a short command's time.
 */
const commands: Record<string, Entry> = {
  agent: {
    summary: 'run the agent without a desktop, until it is stopped',
    load: async () => (await import('./agent.ts')).registerAgent,
  },
  status: {
    summary: 'show the status of the running agent',
    load: async () => (await import('./status.ts')).registerStatus,
  },
  diagnostics: {
    summary: 'write a zip file for support',
    load: async () => (await import('./diagnostics.ts')).registerDiagnostics,
  },
  expected: {
    summary: 'list expected files: on time, late or missing',
    load: async () => (await import('./expected.ts')).registerExpected,
  },
  report: {
    summary: 'print or schedule the report of a month or a week',
    load: async () => (await import('./report.ts')).registerReport,
  },
  history: {
    summary: 'print the delays and results of a checked path',
    load: async () => (await import('./history.ts')).registerHistory,
  },
  incidents: {
    summary: 'list failures, their ends and notifications; or silence them',
    load: async () => (await import('./incidents.ts')).registerIncidents,
  },
  changes: {
    summary: 'list who changed what',
    load: async () => (await import('./changes.ts')).registerChanges,
  },
  channels: {
    summary: 'list, add, test and remove notification channels',
    load: async () => (await import('./channels.ts')).registerChannels,
  },
  events: {
    summary: 'print or follow events, and manage their sinks',
    load: async () => (await import('./events.ts')).registerEvents,
  },
  paths: {
    summary: 'list, add, change, pause and remove directories',
    load: async () => (await import('./paths.ts')).registerPaths,
  },
  pause: {
    summary: 'pause sending; checks continue',
    load: async () => (await import('./pause.ts')).registerPause,
  },
  resume: {
    summary: 'send again',
    load: async () => (await import('./pause.ts')).registerPause,
  },
  limit: {
    summary: 'show or change the speed limit',
    load: async () => (await import('./limit.ts')).registerLimit,
  },
  proxy: {
    summary: 'show or change the proxy towards other networks',
    load: async () => (await import('./proxy.ts')).registerProxy,
  },
  keep: {
    summary: 'show or change how long older versions are kept',
    load: async () => (await import('./keep.ts')).registerKeep,
  },
  settings: {
    summary: 'export all settings as a file, or import them',
    load: async () => (await import('./settings.ts')).registerSettings,
  },
  scan: {
    summary: 'send a directory once, or list what would be sent',
    load: async () => (await import('./scan.ts')).registerScan,
  },
  web: {
    summary: 'show, start or stop the web page of the agent',
    load: async () => (await import('./web.ts')).registerWeb,
  },
  disks: {
    summary: 'show the health of the disks below the paths',
    load: async () => (await import('./disks.ts')).registerDisks,
  },
  computers: {
    summary: 'list, add and remove other computers',
    load: async () => (await import('./computers.ts')).registerComputers,
  },
  receiving: {
    summary: 'show, start or stop receiving in the agent',
    load: async () => (await import('./receiving.ts')).registerReceiving,
  },
  receive: {
    summary: 'receive files in the foreground',
    load: async () => (await import('./receive.ts')).registerReceive,
  },
  pair: {
    summary: 'pair a sender with a receiver',
    load: async () => (await import('./pair.ts')).registerPair,
  },
  destinations: {
    summary: 'list, add, test, change and remove destinations',
    load: async () => (await import('./destinations.ts')).registerDestinations,
  },
  verify: {
    summary: 'read stored files again and report damage',
    load: async () => (await import('./verify.ts')).registerVerify,
  },
  heal: {
    summary: 'repair damaged files from other destinations',
    load: async () => (await import('./heal.ts')).registerHeal,
  },
  prove: {
    summary: 'have a destination prove random files now',
    load: async () => (await import('./prove.ts')).registerProve,
  },
  manifest: {
    summary: 'list the digests of sent files for an archive',
    load: async () => (await import('./manifest.ts')).registerManifest,
  },
  restore: {
    summary: 'restore a directory, a file or an older version',
    load: async () => (await import('./restore.ts')).registerRestore,
  },
  senders: {
    summary: 'list, rename, label and revoke paired computers',
    load: async () => (await import('./senders.ts')).registerSenders,
  },
  probe: {
    summary: 'test if files can be created, listed and removed',
    load: async () => (await import('./probe.ts')).registerProbe,
  },
  check: {
    summary: 'check paths for a parent program',
    load: async () => (await import('./check.ts')).registerCheck,
  },
  service: {
    summary: 'start the agent or a receiver with the computer',
    load: async () => (await import('./service.ts')).registerService,
  },
  completion: {
    summary: 'print the script that completes commands in a shell',
    load: async () => (await import('./completion.ts')).registerCompletion,
  },
}

/**
 * Loads the command line.
 *
 * @param words the words of the command: only the requested command is loaded. If they name none, all commands are
 * listed and none is loaded. Without `words`, all commands are loaded.
 */
export async function loadProgram(words?: readonly string[]): Promise<Command> {
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
  const [first = '', second = ''] = words ?? []
  const asked = first === 'help' ? second : first
  if (words === undefined) await loadAll(program)
  else if (Object.hasOwn(commands, asked)) (await commands[asked]?.load())?.(program)
  else listAll(program)
  nameHelp(program.commands, program.name())
  return program
}

async function loadAll(program: Command): Promise<void> {
  // A module that registers two commands is called once.
  const registers = new Set(await Promise.all(Object.values(commands).map(({ load }) => load())))
  for (const register of registers) register(program)
}

function listAll(program: Command): void {
  for (const [name, { summary }] of Object.entries(commands)) program.command(name).summary(summary)
}

/** Names the help of the command that was used wrongly, below the error. */
function nameHelp(commands: readonly Command[], before: string): void {
  for (const command of commands) {
    const name = `${before} ${command.name()}`
    command.showHelpAfterError(`(${name} --help shows how it is used)`)
    nameHelp(command.commands, name)
  }
}
