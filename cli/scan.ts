import path from 'node:path'
import { type Command, Option } from 'commander'
import { type MarkedAnswer, markedAnswers } from '../core/scan/scanner-messages.ts'
import { isEmptyRange } from '../core/settings/changes.ts'
import { unclosedPattern } from '../core/settings/patterns.ts'
import { resolveDataDirectory, withDataDirectory } from './data-directory.ts'
import { exitNow } from './exit-now.ts'
import { oddPatternLines, type PatternOptions, readPatterns, withPatterns } from './ignore-from.ts'
import { type Given, printList } from './list-directory.ts'
import { omitUndefined } from './omit-undefined.ts'
import {
  collect,
  type NONE,
  parseMinimumAge,
  parsePrefix,
  parseSizeOption,
  toSetting,
} from './option-words.ts'
import { parsePath } from './path-words.ts'
import { sendOnce } from './send-once.ts'
import { translate } from './terminal-words.ts'

interface Flags extends Omit<PatternOptions, 'ignore'> {
  list: boolean
  once: boolean
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

/** `holdfast scan`: lists the files that would be sent (--list), or sends them and exits (--once). */
export function registerScan(program: Command): void {
  const command = program
    .command('scan')
    .description('scan a directory once: send finished files, or list what would be sent and why not')
    .argument('<path>', 'the directory', parsePath)
    .option('--list', 'print what would be sent, one relative path a line; changes nothing', false)
    .option(
      '--once',
      'send it, wait until all is durable, and end; not while an agent runs on the same data directory',
      false,
    )
    .option('--why', 'with --list: print the other paths too, each with a tab and the reason', false)
    .option('--batch', 'its child directories are batch directories with marks (isocket)', false)
    .option('--prefix <name>', 'as --batch, only child directories whose name begins so', parsePrefix)
  withPatterns(command, '')
    .option('--one-file-system', 'leave out other file systems mounted inside (find -xdev)')
    .option('--no-hidden', 'leave out files and directories whose names begin with a dot')
    .option('--temporary', 'send files of temporary names, too, such as *.part and *.tmp')
    .option('--min-size <size>', 'leave out smaller files: 10K, 1M, or none', parseSizeOption)
    .option('--max-size <size>', 'leave out larger files: 500M, 10G, or none', parseSizeOption)
    .option(
      '--min-age <time>',
      'leave files that changed more recently to a later run: 90s, 30m',
      parseMinimumAge,
    )
    .option(
      '--to <destination>',
      'with --once: only to this destination (repeatable); without, to all',
      collect,
    )
    .option(
      '--accept',
      'with --once: send files as they are, although many were emptied or changed at once',
      false,
    )
    .addOption(
      new Option(
        '--marked <decision>',
        'with --once, files that isocket, an older program, has marked and Holdfast did not send: confirm that they are at the destinations, or send them',
      ).choices(markedAnswers),
    )
    .option('--json', 'with --list: one JSON object a line; with --once: one object at the end', false)
  withDataDirectory(command).action(async (directory: string, flags: Flags) => {
    const { list, once, why, to, json, accept, marked } = flags
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
    } else if (list && !once && to === undefined && !accept && marked === undefined) {
      await printList({ directory, dataDirectory, given, json, why })
      exitNow(0)
    } else if (once && !list && !why) {
      exitNow(await sendOnce({ directory, dataDirectory, given, to, json, accept, marked }))
    } else {
      process.stderr.write(`${translate('scan.list.nothingToDo')}\n`)
      process.exitCode = WRONG_USAGE
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
