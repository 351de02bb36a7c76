import type { Command } from 'commander'
import type { MarkedAnswer } from '../../core/scan/scanner-messages.ts'
import { inData, withDataDirectory } from '../ask/data-directory.ts'
import { collect, parsePause } from '../terminal/option-words.ts'
import { parsePath } from '../terminal/path-words.ts'
import { withExpected } from './expect-options.ts'
import { registerExpected } from './expected.ts'
import {
  type FilterOptions,
  type NameOptions,
  toFilterChanges,
  toNameChanges,
  withFilters,
  withNames,
} from './filter-options.ts'

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

type Actions = typeof import('./folder-actions.ts')

/** Returns an action of a command. Loads it at its use: the actions take most of the time of a start, and help needs none. */
const act = <Given extends unknown[]>(
  choose: (actions: Actions) => (directory: string, ...given: Given) => Promise<void>,
) =>
  inData(async (directory, ...given: Given) =>
    choose(await import('./folder-actions.ts'))(directory, ...given),
  )

/** `holdfast folders`: lists and edits the protected and checked paths. */
export function registerFolders(program: Command): void {
  const command = program
    .command('folders')
    .description('list what is protected or checked; add, change, pause or remove it')
    .option('--json', 'print the list as JSON, as the settings file has it')
  withDataDirectory(command).action(act(({ list }) => list))
  const inner = (name: string, description: string) =>
    withDataDirectory(
      command.command(name).description(description).argument('<path>', 'its path', parsePath),
    )
  withFilters(
    inner('add', 'protect a folder: check it, and send its files to the destinations')
      .option('--batch', 'it holds batch folders with finished.parse and finished.watch marks')
      .option('--prefix <prefix>', 'as --batch, only child folders whose name begins with this')
      .option(
        '--to <destination>',
        'send its files only to this destination (repeatable); default: all',
        collect,
      ),
  ).action(act(({ add }) => add))
  withNames(
    withFilters(
      inner(
        'change',
        'change the name of a protected folder, its filters, its timing, and the removal of sent files here',
      ),
    ),
  ).action(
    act(
      ({ change }) =>
        (directory, given: string, options: FilterOptions & NameOptions) =>
          change(directory, given, { ...toFilterChanges(options), ...toNameChanges(options) }),
    ),
  )
  inner('move', 'change the path of a protected folder that was moved')
    .argument('<new-path>', 'its new path', parsePath)
    .action(act(({ move }) => move))
  inner('follow', 'use the place that a link leads to now, for a path that was given by that link')
    .option('--stay', 'use the path as before, and stop following the link')
    .action(act(({ follow }) => follow))
  withDataDirectory(
    command
      .command('pause')
      .description('pause sending of all folders, or of one, until it is resumed; checks continue')
      .argument('[path]', 'its path; default: all', parsePath)
      .option('--for <time>', 'all, for this long: 30m, 2h, at most 7d', parsePause)
      .option('--until-tomorrow', 'all, until eight in the morning'),
  ).action(act(({ pause }) => pause))
  withDataDirectory(
    command
      .command('resume')
      .description('send all folders again, or one')
      .argument('[path]', 'its path; default: all', parsePath),
  ).action(act(({ resume }) => resume))
  withExpected(
    inner('expect', 'notify when a file that should come regularly is missing: an hourly or a daily one'),
  ).action(act(({ expectFiles }) => expectFiles))
  registerExpected(command)
  inner('check', 'check a path without sending its files').action(act(({ check }) => check))
  inner('retry', 'give files that could not be sent another try; the agent must be running').action(
    act(({ retry }) => retry),
  )
  inner(
    'accept',
    'accept that many files of a protected folder were emptied, changed or deleted at once; those that are there are sent as they are',
  ).action(act(({ accept }) => accept))
  inner(
    'restore',
    'restore files of a protected folder that were emptied or changed at once to their sent content',
  ).action(act(({ bringBack }) => bringBack))
  for (const [answer, description] of MARKED) {
    inner(answer, description)
      .option('--json', 'print the path, the decision and how many files it is about as JSON')
      .action(act(({ answerMarked }) => answerMarked(answer)))
  }
  inner(
    'remove',
    'stop protecting or checking it; files stay as they are, here and where they were sent; its files and expected files disappear from all reports, also from those of past months: save these first',
  ).action(act(({ remove }) => remove))
}
