import { realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Command } from 'commander'
import { errorCode } from '../core/files/system-error.ts'
import type { Listed } from '../core/scan/preview/list.ts'
import { listCandidates } from '../core/scan/preview/list.ts'
import { isEmptyRange } from '../core/settings/changes.ts'
import {
  defaultSettings,
  type SourceFilters,
  sourceFiltersSchema,
  sourceSchema,
} from '../core/settings/schema.ts'
import { sourceName } from '../core/settings/source-name.ts'
import { message } from '../core/words/message.ts'
import { createWords } from '../core/words/words.ts'
import { dataDirectoryOf, withDataDirectory } from './data-directory.ts'
import { exitNow } from './exit-now.ts'
import { ageOf, collect, collectPatterns, NONE, settingOf, sizeOf } from './option-words.ts'
import { parsePath } from './path-words.ts'
import { quoteControls } from './quote-controls.ts'
import { sendOnce } from './send-once.ts'
import { terminalLanguage } from './terminal-language.ts'
import { WrongUsage } from './wrong-usage.ts'

interface ScanOptions {
  /** The directory, as it was given. */
  directory: string
  kind: 'continuous' | 'batch'
  prefix: string
  filters: SourceFilters
  oneFileSystem: boolean
}

interface Flags {
  list: boolean
  once: boolean
  why: boolean
  json: boolean
  batch: boolean
  prefix?: string
  ignore: string[]
  oneFileSystem: boolean
  hidden: boolean
  minAge: number
  minSize: number | typeof NONE
  maxSize: number | typeof NONE
  data?: string
  to?: string[]
}

const WRONG_USAGE = 2

/** `holdfast scan`: shows what would be sent (--list), or sends it and ends (--once). */
export function registerScan(program: Command): void {
  const command = program
    .command('scan')
    .description('look at a directory once: send what is finished, or list what would be sent and why not')
    .argument('<path>', 'the directory', parsePath)
    .option('--list', 'print what would be sent, one relative path a line; changes nothing', false)
    .option('--once', 'send it, wait until all is durable, and end', false)
    .option('--why', 'with --list: print the other paths too, each with a tab and the reason', false)
    .option('--batch', 'its child directories are batch directories with marks (isocket)', false)
    .option('--prefix <name>', 'as --batch, only child directories whose name begins so')
    .option(
      '--ignore <pattern>',
      'leave out what this gitignore pattern matches (repeatable)',
      collectPatterns,
      [],
    )
    .option('--one-file-system', 'leave out what other file systems mounted inside hold (find -xdev)', false)
    .option('--no-hidden', 'leave out files and directories whose names begin with a dot')
    .option('--min-size <size>', 'leave out smaller files: 10K, 1M, or none', sizeOf, NONE)
    .option('--max-size <size>', 'leave out larger files: 500M, 10G, or none', sizeOf, NONE)
    .option('--min-age <time>', 'leave files that changed more recently to a later run: 90s, 30m', ageOf, 0)
    .option(
      '--to <destination>',
      'with --once: only to this destination (repeatable); without, to all',
      collect,
    )
    .option('--json', 'with --list: print one JSON object a line', false)
  withDataDirectory(command).action(async (directory: string, flags: Flags) => {
    const kind = flags.batch || flags.prefix !== undefined ? 'batch' : 'continuous'
    const { oneFileSystem } = flags
    const filters = filtersOf(flags)
    const options = { directory, kind, prefix: flags.prefix ?? '', filters, oneFileSystem } as const
    if (isEmptyRange(filters)) {
      const { minimumBytes, maximumBytes } = filters
      const limits = { name: directory, least: minimumBytes ?? 0, most: maximumBytes ?? 0 }
      process.stderr.write(`${words()(message('refuse.emptyRange', limits))}\n`)
      process.exitCode = WRONG_USAGE
    } else if (flags.list && !flags.once && flags.to === undefined) {
      await printList(options, flags.json, flags.why)
      exitNow(0)
    } else if (flags.once && !flags.list && !flags.json && !flags.why) {
      exitNow(await sendOnce({ ...options, to: flags.to, dataDirectory: dataDirectoryOf(flags) }))
    } else {
      process.stderr.write(`${words()(message('scan.list.nothingToDo'))}\n`)
      process.exitCode = WRONG_USAGE
    }
  })
}

async function printList(options: ScanOptions, json: boolean, why: boolean): Promise<void> {
  const { directory, kind, prefix, filters, oneFileSystem } = options
  const absolute = await directoryAt(path.resolve(directory))
  const source = sourceSchema.parse({
    id: 'list',
    path: absolute,
    name: sourceName(absolute),
    kind,
    batch: { prefix },
    ...filters,
    oneFileSystem,
  })
  const { quietSeconds } = defaultSettings.scan
  const inWords = words()
  // A reader that has seen enough (head) ends the listing.
  process.stdout.once('error', () => process.exit(0))
  for await (const listed of listCandidates({ source, quietSeconds })) {
    if (listed.why !== null && !why) continue
    if (!process.stdout.write(`${lineOf(listed, json, inWords)}\n`)) {
      await new Promise((resolve) => process.stdout.once('drain', resolve))
    }
  }
}

/** Its real path, as mount points are known by theirs. What else is wrong with it is said by the listing. */
async function directoryAt(given: string): Promise<string> {
  const looked = await stat(given).catch(errorCode)
  if (looked === 'ENOENT' || looked === 'ENOTDIR') throw new WrongUsage('refuse.missing', { path: given })
  if (typeof looked === 'object' && looked?.isDirectory() === false)
    throw new WrongUsage('refuse.notDirectory', { path: given })
  return realpath(given).catch(() => given)
}

function lineOf(
  { path: relative, size, why }: Listed,
  json: boolean,
  inWords: ReturnType<typeof words>,
): string {
  const reason = why === null ? null : inWords(why)
  if (json) return JSON.stringify({ path: relative, size, send: why === null, why: reason })
  const name = quoteControls(relative)
  return reason === null ? name : `${name}\t${reason}`
}

const words = () => createWords(terminalLanguage(process.env))

function filtersOf({ ignore, hidden, minAge, minSize, maxSize }: Flags): SourceFilters {
  return sourceFiltersSchema.parse({
    ignore,
    hidden: hidden ? 'send' : 'leave-out',
    minimumAgeSeconds: minAge,
    minimumBytes: settingOf(minSize),
    maximumBytes: settingOf(maxSize),
  })
}
