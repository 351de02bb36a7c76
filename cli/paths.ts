import type { Command } from 'commander'
import type { MarkedAnswer } from '../core/scan/scanner-messages.ts'
import { getDataDirectory, resolveDataDirectory, withDataDirectory } from './data-directory.ts'
import { type RuleOptions, withExpected } from './expect-options.ts'
import {
  type FilterOptions,
  type NameOptions,
  toFilterChanges,
  toNameChanges,
  withFilters,
  withNames,
} from './filter-options.ts'
import { collect } from './option-words.ts'
import { parsePath } from './path-words.ts'

interface Options extends FilterOptions, NameOptions {
  data?: string
  json?: boolean
}

export interface AddOptions extends FilterOptions {
  batch?: boolean
  prefix?: string
  to?: string[]
}

/**
 * Decisions about files with isocket's mark that Holdfast did not send. isocket is the program that Holdfast replaces;
 * its mark on a file, the group-write bit, means "sent".
 */
const MARKED: readonly (readonly [MarkedAnswer, string])[] = [
  [
    'confirm',
    'count as sent the files that isocket, an older program, has marked: they are at the destinations',
  ],
  ['send', 'send the files that isocket, an older program, has marked: they are not at the destinations'],
]

/** Loads the actions: they take most of the time of a start, and help needs none. */
const load = () => import('./path-actions.ts')

/** `holdfast paths`: lists and edits the protected and checked paths. */
export function registerPaths(program: Command): void {
  const command = program
    .command('paths')
    .description('list what is protected or checked; add, change, pause or remove it')
    .option('--json', 'print the list as JSON, as the settings file has it')
  withDataDirectory(command).action(async (options: Options) =>
    (await load()).list(resolveDataDirectory(options), options.json),
  )
  const inner = (name: string, description: string) =>
    withDataDirectory(
      command.command(name).description(description).argument('<path>', 'its path', parsePath),
    )
  withFilters(
    inner('add', 'protect a directory: check it, and send its files to the destinations')
      .option('--batch', 'it holds batch directories with finished.parse and finished.watch marks')
      .option('--prefix <prefix>', 'as --batch, only child directories whose name begins with this')
      .option(
        '--to <destination>',
        'send its files only to this destination (repeatable); default: all',
        collect,
      ),
  ).action(async (given: string, options: AddOptions, self: Command) =>
    (await load()).add(getDataDirectory(self), given, options),
  )
  withNames(
    withFilters(
      inner(
        'change',
        'change the name of a protected directory, its filters, its timing, and the removal of sent files here',
      ),
    ),
  ).action(async (given: string, options: Options, self: Command) =>
    (await load()).change(getDataDirectory(self), given, {
      ...toFilterChanges(options),
      ...toNameChanges(options),
    }),
  )
  inner('move', 'change the path of a protected directory that was moved; the agent must be running')
    .argument('<new-path>', 'its new path', parsePath)
    .action(async (given: string, next: string, _: Options, self: Command) =>
      (await load()).move(getDataDirectory(self), given, next),
    )
  inner('follow', 'use the place that a link leads to now, for a path that was given by that link')
    .option('--stay', 'use the path as before, and stop following the link')
    .action(async (given: string, { stay = false }: { stay?: boolean }, self: Command) =>
      (await load()).follow(getDataDirectory(self), given, stay),
    )
  inner('pause', 'pause sending of a protected directory until it is resumed').action(
    async (given: string, _: Options, self: Command) =>
      (await load()).pause(getDataDirectory(self), given, true),
  )
  inner('resume', 'send a protected directory again').action(
    async (given: string, _: Options, self: Command) =>
      (await load()).pause(getDataDirectory(self), given, false),
  )
  withExpected(
    inner('expect', 'notify when a file that should come regularly is missing: an hourly or a daily one'),
  ).action(async (given: string, options: RuleOptions, self: Command) =>
    (await load()).expectFiles(getDataDirectory(self), given, options),
  )
  inner('check', 'check a path without sending its files; the agent must be running').action(
    async (given: string, _: Options, self: Command) => (await load()).check(getDataDirectory(self), given),
  )
  inner('retry', 'give files that could not be sent another try; the agent must be running').action(
    async (given: string, _: Options, self: Command) => (await load()).retry(getDataDirectory(self), given),
  )
  inner(
    'accept',
    'accept that many files of a protected directory were emptied, changed or deleted at once; those that are there are sent as they are',
  ).action(async (given: string, _: Options, self: Command) =>
    (await load()).accept(getDataDirectory(self), given),
  )
  inner(
    'restore',
    'restore files of a protected directory that were emptied or changed at once to their sent content',
  ).action(async (given: string, _: Options, self: Command) =>
    (await load()).answerMassChange(getDataDirectory(self), given, 'bringBack', 'cli.paths.comingBack'),
  )
  for (const [answer, description] of MARKED) {
    inner(answer, description)
      .option('--json', 'print the path, the decision and how many files it is about as JSON')
      .action(async (given: string, { json }: Options, self: Command) =>
        (await load()).answerMarked(getDataDirectory(self), given, answer, json),
      )
  }
  inner(
    'remove',
    'stop protecting or checking it; files stay as they are, here and where they were sent; its files and expected files disappear from all reports, also from those of past months: save these first',
  ).action(async (given: string, _: Options, self: Command) =>
    (await load()).remove(getDataDirectory(self), given),
  )
}
