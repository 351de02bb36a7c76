import { type Command, InvalidArgumentError } from 'commander'
import { type CommandOutput, commands } from '../core/agent/contract.ts'
import { sendCommand } from '../core/agent/control-socket.ts'
import { parseSeconds } from '../core/lib/i18n/formats.ts'
import { tableLines } from './columns.ts'
import { resolveDataDirectory, withDataDirectory } from './data-directory.ts'
import { jsonText } from './json.ts'
import { sourceAt } from './known-path.ts'
import { parsePath } from './path-words.ts'
import { quoteControls } from './quote-controls.ts'
import { askState } from './settings-change.ts'
import { translate } from './terminal-words.ts'

const DAY_MS = 86_400_000

interface ListOptions {
  data?: string
  since: number
  missing?: boolean
  json?: boolean
}

type Listed = CommandOutput<'expected'>['files'][number]

/** `holdfast expected`: prints which of the expected files have come, and which are missing or late. */
export function registerExpected(program: Command): void {
  const command = program
    .command('expected')
    .description('list the files that were expected: on time, late or missing; exit code 3: no agent runs')
    .argument('[path]', 'a protected directory, or its name; default: all', parsePath)
    .option('--since <time>', 'how far back: 12h, 30d, at most 400d', parseSince, 30 * DAY_MS)
    .option('--missing', 'only files that are missing or were late')
    .option('--json', 'print the files as JSON; times in milliseconds since 1970')
  withDataDirectory(command).action((given: string | undefined, options: ListOptions) =>
    list(resolveDataDirectory(options), given, options),
  )
}

async function list(directory: string, given: string | undefined, options: ListOptions): Promise<void> {
  const { settings } = await askState(directory)
  const sources =
    given === undefined
      ? settings.sources.filter(({ expected }) => expected.length > 0)
      : [sourceAt(settings, given)]
  const until = Date.now()
  const gaps = options.missing ?? false
  const all = sources.map(async ({ id, name }) => {
    const question = { id, since: until - options.since, until, gaps }
    const { files, counts } = commands.expected.output.parse(
      await sendCommand(directory, 'expected', question),
    )
    return { files: files.map((one) => ({ source: name, ...one })), counts }
  })
  const answers = await Promise.all(all)
  const files = answers.flatMap((one) => one.files)
  const sum = (field: 'due' | 'missing' | 'late') =>
    answers.reduce((total, { counts }) => total + counts[field], 0)
  const counts = { due: sum('due'), missing: sum('missing'), late: sum('late') }
  const left = (gaps ? counts.missing + counts.late : counts.due) - files.length
  if (options.json) console.log(jsonText({ files, counts }, 2))
  else if (sources.every(({ expected }) => expected.length === 0))
    console.log(translate('cli.expected.noRules'))
  else if (counts.due === 0) console.log(translate('cli.expected.none'))
  else if (files.length === 0) console.log(translate('cli.expected.allThere'))
  else
    console.log(
      [...table(files), ...(left > 0 ? [translate('cli.expected.more', { count: left })] : [])].join('\n'),
    )
}

const isOnTime = ({ due, arrivedAt }: Listed): boolean => arrivedAt !== null && arrivedAt <= due

function table(files: readonly (Listed & { source: string })[]): string[] {
  const columns = ['due', 'state', 'source', 'file'] as const
  const head = columns.map((column) => translate(`cli.expected.${column}`))
  const rows = files.map((file) => {
    const { due, arrivedAt, source, path } = file
    const state =
      arrivedAt === null
        ? translate('cli.expected.missing')
        : isOnTime(file)
          ? translate('cli.expected.onTime')
          : translate('cli.expected.late', { late: arrivedAt - due })
    return [new Date(due).toISOString().slice(0, 16), state, quoteControls(source), quoteControls(path)]
  })
  return tableLines([head, ...rows])
}

function parseSince(text: string): number {
  const ms = (parseSeconds(text) ?? 0) * 1_000
  if (!(ms > 0 && ms <= 400 * DAY_MS))
    throw new InvalidArgumentError('It must be a time such as 12h or 30d, at most 400d.')
  return ms
}
