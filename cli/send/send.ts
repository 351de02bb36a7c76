import path from 'node:path'
import { type Command, Option } from 'commander'
import { type MarkedAnswer, markedAnswers } from '../../core/scan/scanner-messages.ts'
import { isEmptyRange } from '../../core/settings/changes.ts'
import { unclosedPattern } from '../../core/settings/patterns.ts'
import { resolveDataDirectory, withDataDirectory } from '../ask/data-directory.ts'
import { oddPatternLines, type PatternOptions, readPatterns, withPatterns } from '../folders/ignore-from.ts'
import { exitNow } from '../terminal/exit-now.ts'
import { omitUndefined } from '../terminal/omit-undefined.ts'
import {
  collect,
  type NONE,
  parseMinimumAge,
  parsePrefix,
  parseSizeOption,
  toSetting,
} from '../terminal/option-words.ts'
import { parsePath } from '../terminal/path-words.ts'
import { translate } from '../terminal/terminal-words.ts'
import { type Given, printList } from './list-directory.ts'
import { sendOnce } from './send-once.ts'

interface Flags extends Omit<PatternOptions, 'ignore'> {
  list: boolean
  why: boolean
  json: boolean
  batch: boolean
  prefix?: string
  ignore?: string[]
  oneFileSystem?: true
  /** false for --no-hidden. */
  hidden: boolean
  temporary?: true
  minAge?: number
  minSize?: number | typeof NONE
  maxSize?: number | typeof NONE
  data?: string
  to?: string[]
  accept: boolean
  marked?: MarkedAnswer
}

const WRONG_USAGE = 2

/** `holdfast send`: sends the files of a folder and exits, or lists those that would be sent (--list). */
export function registerSend(program: Command): void {
  const command = program
    .command('send')
    .description(
      'send the finished files of a folder, wait until all is durable, and end; or list what would be sent and why not. It does not send while an agent runs on the same data folder',
    )
    .argument('<path>', 'the folder', parsePath)
    .addOption(
      new Option('--list', 'print what would be sent, one relative path a line; changes nothing')
        .default(false)
        .conflicts(['once', 'to', 'accept', 'marked']),
    )
    .addOption(
      new Option('--why', 'as --list, and print the other paths too, each with a tab and the reason')
        .default(false)
        .implies({ list: true }),
    )
    // Its former name had to be given.
    .addOption(new Option('--once').hideHelp().default(false))
    .option('--batch', 'its child folders are batch folders with marks (isocket)', false)
    .option('--prefix <name>', 'as --batch, only child folders whose name begins so', parsePrefix)
  withPatterns(command, '')
    .option('--one-file-system', 'leave out other file systems mounted inside (find -xdev)')
    .option('--no-hidden', 'leave out files and folders whose names begin with a dot')
    .option('--temporary', 'send files of temporary names, too, such as *.part and *.tmp')
    .option('--min-size <size>', 'leave out smaller files: 10K, 1M, or none', parseSizeOption)
    .option('--max-size <size>', 'leave out larger files: 500M, 10G, or none', parseSizeOption)
    .option(
      '--min-age <time>',
      'leave files that changed more recently to a later run: 90s, 30m',
      parseMinimumAge,
    )
    .option('--to <destination>', 'only to this destination (repeatable); without, to all', collect)
    .option('--accept', 'send files as they are, although many were emptied or changed at once', false)
    .addOption(
      new Option(
        '--marked <decision>',
        'files that isocket, an older program, has marked and Holdfast did not send: confirm that they are at the destinations, or send them',
      ).choices(markedAnswers),
    )
    .option('--json', 'one JSON object at the end; with --list: one a line', false)
  withDataDirectory(command).action(async (directory: string, flags: Flags) => {
    const { list, why, to, json, accept, marked } = flags
    const given = readFlags(flags)
    const { minimumBytes = null, maximumBytes = null, ignore = [] } = given
    for (const line of oddPatternLines(ignore, path.resolve(directory), false)) console.error(line)
    const pattern = unclosedPattern(ignore)
    const dataDirectory = resolveDataDirectory(flags)
    if (isEmptyRange({ minimumBytes, maximumBytes })) {
      const limits = { name: directory, least: minimumBytes ?? 0, most: maximumBytes ?? 0 }
      process.stderr.write(`${translate('refuse.emptyRange', limits)}\n`)
      process.exitCode = WRONG_USAGE
    } else if (pattern !== null) {
      process.stderr.write(`${translate('refuse.unclosedPattern', { pattern })}\n`)
      process.exitCode = WRONG_USAGE
    } else if (list) {
      await printList({ directory, dataDirectory, given, json, why })
      exitNow(0)
    } else {
      exitNow(await sendOnce({ directory, dataDirectory, given, to, json, accept, marked }))
    }
  })
}

/** Returns the settings given on the command line; the protected directory's settings or the defaults fill the rest. */
function readFlags(flags: Flags): Given {
  const { batch, prefix, oneFileSystem, hidden, temporary, minAge, minSize, maxSize } = flags
  return omitUndefined({
    ...{ prefix, oneFileSystem, ignore: readPatterns(flags) },
    kind: batch || prefix !== undefined ? ('batch' as const) : undefined,
    hidden: hidden ? undefined : ('leave-out' as const),
    temporary: temporary ? ('send' as const) : undefined,
    minimumAgeSeconds: minAge,
    minimumBytes: toSetting(minSize),
    maximumBytes: toSetting(maxSize),
  })
}
