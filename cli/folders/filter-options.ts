import { type Command, InvalidArgumentError, Option } from 'commander'
import type { CommandInput } from '../../core/agent/contract.ts'
import { temporaryNames } from '../../core/filter/temporary.ts'
import { parseSeconds } from '../../core/lib/i18n/formats.ts'
import { fixityKinds } from '../../core/platform/fixity-kinds.ts'
import { LONGEST_KEPT_HOURS, priorities, SILENT_HOURS, treatments } from '../../core/settings/bounds.ts'
import type { Source } from '../../core/settings/schema.ts'
import { omitUndefined } from '../terminal/omit-undefined.ts'
import { NONE, parseMinimumAge, parseName, parseSizeOption, toSetting } from '../terminal/option-words.ts'
import { type PatternOptions, readPatterns, withPatterns } from './ignore-from.ts'

const HOUR_SECONDS = 3_600

/** Values of the options that `withFilters` adds; options that were not given are absent. */
export interface FilterOptions extends PatternOptions {
  hidden?: Source['hidden']
  temporary?: Source['temporary']
  minSize?: number | typeof NONE
  maxSize?: number | typeof NONE
  minAge?: number
  /** false for --no-one-file-system. */
  oneFileSystem?: boolean
  priority?: Source['priority']
  deleteAfter?: NonNullable<Source['deleteAfter']> | typeof NONE
  tellSilence?: number | typeof NONE
  digests?: Source['digests'] | typeof NONE
}

/** Values of the options that `withNames` adds. */
export interface NameOptions {
  name?: string
  prefix?: string
  closedMark?: string
  sentMark?: string
}

/** Changed settings of a protected directory. */
export type FilterChanges = CommandInput<'changeSource'>['changes']

/** Adds the options that exclude, delay or delete files of a protected directory. */
export function withFilters(command: Command): Command {
  return withPatterns(command, '; they replace those that were there')
    .option('--no-ignore', 'remove all patterns')
    .addOption(
      new Option('--hidden <what>', 'files and folders whose names begin with a dot').choices(treatments),
    )
    .addOption(
      new Option(
        '--temporary <what>',
        `files of temporary names, left out by default: ${temporaryNames.join(' ')}`,
      ).choices(treatments),
    )
    .option('--min-size <size>', 'leave out smaller files: 10K, 1M, or none', parseSizeOption)
    .option('--max-size <size>', 'leave out larger files: 500M, 10G, or none', parseSizeOption)
    .option('--min-age <time>', 'send only files unchanged for this long: 90s, 30m, 12h, 0', parseMinimumAge)
    .option('--one-file-system', 'leave out other file systems mounted inside (find -xdev)')
    .option('--no-one-file-system', 'include other file systems mounted inside')
    .addOption(
      new Option('--priority <priority>', 'its share of the bandwidth beside other folders').choices(
        priorities,
      ),
    )
    .option(
      '--delete-after <time>',
      'remove files here this long after they were durable on another computer: 12h, 30d, or never',
      parseDeleteAfter,
    )
    .option(
      '--tell-silence <time>',
      'notify when no new file has come for this long, or the newest batch folder is not closed: 12h, 2d, or never',
      parseSilence,
    )
    .option(
      '--digests <kinds>',
      'record these digests of each file when it is sent, for holdfast manifest: sha256, md5, sha256,md5, or none',
      parseDigests,
    )
}

/** Adds the options for a protected directory's name and for its batch directories. */
export function withNames(command: Command): Command {
  return command
    .option('--name <name>', 'its name here; its folder at a destination keeps its name', parseName)
    .option('--prefix <text>', 'batch folders are those whose names begin with it ("" for all)')
    .option('--closed-mark <name>', 'the file with which a producer closes a batch folder')
    .option('--sent-mark <name>', 'the file that Holdfast adds once all of a batch folder is sent')
}

/** Returns the given options as changes of the settings. */
export function toNameChanges({ name, prefix, closedMark, sentMark }: NameOptions): FilterChanges {
  const marks = omitUndefined({ prefix, closedMark, sentMark })
  return omitUndefined({ name, batch: Object.keys(marks).length === 0 ? undefined : marks })
}

/** @throws UserError if a file of patterns cannot be read. */
export function toFilterChanges(options: FilterOptions): FilterChanges {
  const { hidden, temporary, minSize, maxSize, minAge, oneFileSystem, priority, deleteAfter } = options
  const { tellSilence, digests } = options
  return omitUndefined({
    ...{ hidden, temporary, oneFileSystem, priority },
    ignore: readPatterns(options),
    minimumBytes: toSetting(minSize),
    maximumBytes: toSetting(maxSize),
    minimumAgeSeconds: minAge,
    deleteAfter: toSetting(deleteAfter),
    silentHours: toSetting(tellSilence),
    digests: digests === NONE ? [] : digests,
  })
}

function parseDeleteAfter(text: string): NonNullable<Source['deleteAfter']> | typeof NONE {
  if (text === 'never') return NONE
  const seconds = parseSeconds(text) ?? 0
  // Rounded up, so that no file is deleted too early.
  const hours = Math.ceil(seconds / HOUR_SECONDS)
  if (seconds < HOUR_SECONDS || hours > LONGEST_KEPT_HOURS)
    throw new InvalidArgumentError('It must be a time such as 12h or 30d, at least 1h, or "never".')
  return { hours }
}

function parseDigests(text: string): Source['digests'] | typeof NONE {
  if (text === NONE) return NONE
  const given = text.split(',')
  const isKnown = (one: string) => fixityKinds.some((kind) => kind === one)
  if (given.length > fixityKinds.length || !given.every(isKnown))
    throw new InvalidArgumentError('It must be sha256, md5, sha256,md5, or none.')
  return fixityKinds.filter((kind) => given.includes(kind))
}

function parseSilence(text: string): number | typeof NONE {
  if (text === 'never') return NONE
  const hours = (parseSeconds(text) ?? 0) / HOUR_SECONDS
  if (!(hours >= SILENT_HOURS.least && hours <= SILENT_HOURS.most))
    throw new InvalidArgumentError('It must be a time such as 12h or 2d, at least 1m, or "never".')
  return hours
}
