import type { Command, Option } from 'commander'

export interface OptionFacts {
  /** As the help has it: "-v, --verbose", "--rule <rule>". */
  flags: string
  /** What is typed: `--rule`, `-V`. */
  names: string[]
  description: string
  takesValue: boolean
  /** What it may be; empty: not limited. */
  choices: readonly string[]
}

/** A command as every generated text needs it. */
export interface CommandFacts {
  name: string
  /** With the names of what it is an inner command of: "holdfast paths change". */
  path: string
  description: string
  /** After the path: "[options] <path>". */
  usage: string
  arguments: { name: string; description: string; choices: readonly string[] }[]
  options: OptionFacts[]
  commands: CommandFacts[]
}

/** What commander knows of a command and of those in it. */
export function factsOf(command: Command, above = ''): CommandFacts {
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
    // Each command has --help: its `help` command says nothing else.
    commands: command.commands.map((one) => factsOf(one, path)),
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

/** A command and all below it, in the order of the help. */
export function allCommands(facts: CommandFacts): CommandFacts[] {
  return [facts, ...facts.commands.flatMap(allCommands)]
}
