import type { Command, Option } from 'commander'
import { settingKeys } from '../../core/settings/catalog.ts'

export interface OptionDescription {
  /** As in the help: "-v, --verbose", "--rule <rule>". */
  flags: string
  /** The words to type: `--rule`, `-V`. */
  names: string[]
  description: string
  takesValue: boolean
  /** The allowed values; empty if not limited. */
  choices: readonly string[]
}

/** A command, as the generators of man page, reference and completion need it. */
export interface CommandDescription {
  name: string
  /** Includes the names of its parents: "holdfast folders change". */
  path: string
  description: string
  /** The heading of its group in the list of commands; empty: it is not listed. */
  group: string
  /** After the path: "[options] <path>". */
  usage: string
  arguments: { name: string; description: string; choices: readonly string[] }[]
  options: OptionDescription[]
  commands: CommandDescription[]
}

/** Words that an argument may be, by its command and name, where the command itself refuses others. */
const wordsOf: Record<string, readonly string[]> = { 'holdfast settings key': settingKeys }

/** Converts a commander command and its inner commands. */
export function describeCommand(command: Command, above = ''): CommandDescription {
  const help = command.createHelp()
  const path = `${above} ${command.name()}`.trim()
  return {
    name: command.name(),
    path,
    description: command.description(),
    group: command.helpGroup().replace(/:$/, ''),
    usage: command.usage(),
    arguments: command.registeredArguments.map((one) => ({
      name: one.variadic ? `${one.name()}…` : one.name(),
      description: one.description,
      choices: one.argChoices ?? wordsOf[`${path} ${one.name()}`] ?? [],
    })),
    options: help.visibleOptions(command).map(describeOption),
    // Inner `help` commands are omitted: each command has --help.
    commands: command.commands.map((one) => describeCommand(one, path)),
  }
}

function describeOption(option: Option): OptionDescription {
  return {
    flags: option.flags,
    names: [option.short, option.long].filter((one) => one !== undefined),
    description: help(option),
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
  }
}

function help({ description, argChoices }: Option): string {
  return argChoices === undefined ? description : `${description}: ${argChoices.join(', ')}`
}

/** Returns a command and all of its descendants, in the order of the help. */
export function allCommands(command: CommandDescription): CommandDescription[] {
  return [command, ...command.commands.flatMap(allCommands)]
}
