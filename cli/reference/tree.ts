import type { Command, Option } from 'commander'

export interface OptionFacts {
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
export interface CommandFacts {
  name: string
  /** Includes the names of its parents: "holdfast paths change". */
  path: string
  description: string
  /** After the path: "[options] <path>". */
  usage: string
  arguments: { name: string; description: string; choices: readonly string[] }[]
  options: OptionFacts[]
  commands: CommandFacts[]
}

/** Converts a commander command and its inner commands. */
export function describeCommand(command: Command, above = ''): CommandFacts {
  const help = command.createHelp()
  const path = `${above} ${command.name()}`.trim()
  return {
    name: command.name(),
    path,
    description: command.description(),
    usage: command.usage(),
    arguments: command.registeredArguments.map((one) => ({
      name: one.variadic ? `${one.name()}…` : one.name(),
      description: one.description,
      choices: one.argChoices ?? [],
    })),
    options: help.visibleOptions(command).map(optionFacts),
    // Inner `help` commands are omitted: each command has --help.
    commands: command.commands.map((one) => describeCommand(one, path)),
  }
}

function optionFacts(option: Option): OptionFacts {
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
export function allCommands(facts: CommandFacts): CommandFacts[] {
  return [facts, ...facts.commands.flatMap(allCommands)]
}
