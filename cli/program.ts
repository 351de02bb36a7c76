import { Command } from 'commander'
import { message, type WordKey } from '../core/lib/i18n/message.ts'
import { englishWords } from '../core/lib/i18n/words.ts'
import { examples } from './examples.ts'
import { refuseInner, refuseUnknown } from './meant-names.ts'
import { quoteLines } from './terminal/quote-controls.ts'
import { terminalWords } from './terminal/terminal-words.ts'
import { version } from './version.ts'

type Register = (program: Command) => void
type Load = () => Promise<Register>

/**
 * All commands, in the groups and in the order of the help. Only the requested command is loaded, and none for the list
 * of commands: loading takes most of a short command's time. The list has their summaries, `cli.help.NAME`.
 */
const groups = {
  protect: {
    status: async () => (await import('./agent/status.ts')).registerStatus,
    why: async () => (await import('./send/why.ts')).registerWhy,
    folders: async () => (await import('./folders/folders.ts')).registerFolders,
    send: async () => (await import('./send/send.ts')).registerSend,
    check: async () => (await import('./check/check.ts')).registerCheck,
  },
  copies: {
    destinations: async () => (await import('./destinations/destinations.ts')).registerDestinations,
    pair: async () => (await import('./destinations/pair.ts')).registerPair,
    restore: async () => (await import('./restore/restore.ts')).registerRestore,
    verify: async () => (await import('./restore/verify.ts')).registerVerify,
  },
  alerts: {
    failures: async () => (await import('./alerts/failures.ts')).registerFailures,
    channels: async () => (await import('./alerts/channels.ts')).registerChannels,
    events: async () => (await import('./alerts/events.ts')).registerEvents,
  },
  receive: {
    receive: async () => (await import('./receive/receive.ts')).registerReceive,
    stations: async () => (await import('./receive/stations.ts')).registerStations,
  },
  evidence: {
    report: async () => (await import('./alerts/report.ts')).registerReport,
    history: async () => (await import('./check/history.ts')).registerHistory,
    changes: async () => (await import('./alerts/changes.ts')).registerChanges,
    manifest: async () => (await import('./restore/manifest.ts')).registerManifest,
    disks: async () => (await import('./check/disks.ts')).registerDisks,
  },
  computer: {
    agent: async () => (await import('./agent/agent.ts')).registerAgent,
    service: async () => (await import('./agent/service.ts')).registerService,
    settings: async () => (await import('./agent/settings.ts')).registerSettings,
    computers: async () => (await import('./agent/computers.ts')).registerComputers,
    diagnostics: async () => (await import('./agent/diagnostics.ts')).registerDiagnostics,
  },
} satisfies Record<string, Record<string, Load>>

/** Commands that the list of commands leaves out: people type them once, after reading about them. */
const unlisted: Record<string, Load> = {
  completion: async () => (await import('./agent/completion.ts')).registerCompletion,
}

const entries = Object.entries(groups).flatMap(([group, commands]) =>
  Object.entries<Load>(commands).map(([name, load]) => ({ group, name, load })),
)
const loadOf = new Map([
  ...entries.map(({ name, load }) => [name, load] as const),
  ...Object.entries(unlisted),
])

/**
 * Loads the command line.
 *
 * @param words the words of the command: only the requested command is loaded. If they name none, all commands are
 * listed in the terminal's language, and none is loaded. Without `words`, all commands are loaded.
 * @throws WrongUsage if the words name no command
 */
export async function loadProgram(words?: readonly string[]): Promise<Command> {
  const [first = ''] = words ?? []
  const asked = loadOf.get(first)
  const isList = words !== undefined && asked === undefined
  const isWord = first !== '' && first !== 'help' && !first.startsWith('-')
  if (isList && isWord) refuseUnknown(first, [...loadOf.keys()])
  const say = (key: WordKey) => (isList ? terminalWords : englishWords)(message(key))
  const program = new Command('holdfast')
    .description(say('cli.help.description'))
    .version(version, '-V, --version', say('cli.help.version'))
    .helpOption('-h, --help', isList ? say('cli.help.help') : 'print this help')
    // `holdfast restore --version NAME` is an option of that command.
    .enablePositionalOptions()
    .exitOverride()
    // `holdfast receive --json show`: the option may precede the inner command.
    .hook('preAction', (_, command) => {
      if (command.optsWithGlobals().json === true) command.setOptionValue('json', true)
    })
    .configureOutput({ outputError: (text, write) => write(quoteLines(text)) })
    .showHelpAfterError('(holdfast --help lists the commands)')
  if (isList) listAll(program, say)
  else {
    const loads = asked === undefined ? [...loadOf.values()] : [asked]
    for (const register of await Promise.all(loads.map((load) => load()))) register(program)
    for (const { group, name } of entries)
      program.commands
        .find((one) => one.name() === name)
        ?.helpGroup(say(`cli.help.group.${group}` as WordKey))
  }
  if (asked !== undefined) for (const command of program.commands) refuseInner(command, words?.slice(1) ?? [])
  completeHelp(program.commands, program.name())
  return program
}

function listAll(program: Command, say: (key: WordKey) => string): void {
  program
    .configureHelp({ visibleCommands: ({ commands }) => [...commands] })
    .optionsGroup(say('cli.help.options'))
  for (const { group, name } of entries)
    program
      .command(name)
      .summary(say(`cli.help.${name}` as WordKey))
      .helpGroup(say(`cli.help.group.${group}` as WordKey))
}

/** Adds the examples to each help, and names the help of the command that was used wrongly, below the error. */
function completeHelp(commands: readonly Command[], before: string): void {
  for (const command of commands) {
    const name = `${before} ${command.name()}`
    command.showHelpAfterError(`(${name} --help shows how it is used)`)
    const lines = examples[name]
    if (lines !== undefined)
      command.addHelpText('after', ['', 'Examples:', ...lines.map((one) => `  ${one}`)].join('\n'))
    completeHelp(command.commands, name)
  }
}
