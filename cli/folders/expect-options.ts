import { type Command, InvalidArgumentError, Option } from 'commander'
import { isPeriod, LONGEST_LATE_MINUTES } from '../../core/settings/bounds.ts'
import { isZone } from '../../core/settings/expected/periods.ts'
import { LONGEST_PATTERN } from '../../core/settings/patterns.ts'
import { minutesIn, type NONE, parseSizeOption } from '../terminal/option-words.ts'

/** The value of --zone for that of this computer. */
export const LOCAL = 'local'

export interface RuleOptions {
  pattern: string
  every?: number
  within?: number
  minSize?: number | typeof NONE
  zone?: string
  remove?: boolean
  json?: boolean
}

/** Adds the options of `holdfast folders expect`, which sets the files that should come regularly. */
export function withExpected(command: Command): Command {
  return command
    .option(
      '--every <time>',
      'a file comes in each period: 15m, 1h, 6h, 1d; it divides a day, and is at least 5m; without it, a new rule is proposed and not saved, and --pattern may be the name of one of the files',
      parseEvery,
    )
    .option(
      '--within <time>',
      'how long after the end of its period a file may come: 10m, 2h, 0m',
      parseWithin,
    )
    .option(
      '--pattern <pattern>',
      'which files count, as in {YYYY}{DOY}{HH}*.rnx or ABCD{DOY}{HH}00.rnx: parts of the date at which the period begins ({YYYY} {YY} {MM} {DD} {DOY} {HH} {H} {mm} {ss}), * and ?; with a slash the path in the folder, otherwise the name; at most 20 patterns for a folder',
      parsePattern,
      '*',
    )
    .option('--min-size <size>', 'smaller files do not count: 10K, 1M, or none', parseSizeOption)
    .option('--zone <zone>', 'time zone of the periods: UTC, Asia/Taipei, or local (default)', parseZone)
    .addOption(
      new Option('--remove', 'expect the files of this pattern no longer; without --pattern: of *').conflicts(
        ['every', 'within', 'minSize', 'zone'],
      ),
    )
    .option('--json', 'print the rule, the last files that match and the next ones as JSON')
}

function parsePattern(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It must not be empty; * is any file.')
  if (text.length > LONGEST_PATTERN)
    throw new InvalidArgumentError(`It must have at most ${LONGEST_PATTERN} characters.`)
  return text
}

function parseEvery(text: string): number {
  const minutes = minutesIn(text)
  if (!isPeriod(minutes))
    throw new InvalidArgumentError('It must be a time such as 15m, 1h or 1d that divides a day, at least 5m.')
  return minutes
}

function parseWithin(text: string): number {
  const minutes = minutesIn(text)
  if (!Number.isInteger(minutes) || minutes > LONGEST_LATE_MINUTES)
    throw new InvalidArgumentError('It must be whole minutes such as 0m, 10m or 2h, at most 30d.')
  return minutes
}

function parseZone(text: string): string {
  if (text === LOCAL || isZone(text)) return text
  throw new InvalidArgumentError('It must be a time zone such as UTC or Asia/Taipei, or "local".')
}
