import type { Command } from 'commander'
import { type CommandOutput, commands } from '../../core/agent/contract.ts'
import { sendCommand } from '../../core/agent/control-socket.ts'
import type { AppState } from '../../core/agent/state/schema.ts'
import { inData, withDataDirectory } from '../ask/data-directory.ts'
import { sourceAt } from '../ask/known-path.ts'
import { askState } from '../ask/settings-change.ts'
import { tableLines } from '../terminal/columns.ts'
import { jsonText } from '../terminal/json.ts'
import { localTime, parseTime } from '../terminal/moment.ts'
import { parsePath } from '../terminal/path-words.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { translate } from '../terminal/terminal-words.ts'

const DAY_MS = 86_400_000

interface ListOptions {
  since?: number
  missing?: boolean
  json?: boolean
}

type Listed = CommandOutput<'expected'>['files'][number]

/** `holdfast folders expected`: prints which of the expected files have come, and which are missing or late. */
export function registerExpected(folders: Command): void {
  const command = folders
    .command('expected')
    .description('list the files that were expected: on time, late or missing; exit code 3: no agent runs')
    .argument('[path]', 'a protected folder, or its name; default: all', parsePath)
    .option('--since <time>', 'how far back: 12h, 30d (default), or 2026-11-20', parseTime)
    .option('--missing', 'only files that are missing or were late')
    .option('--json', 'print the files as JSON; times in milliseconds since 1970')
  withDataDirectory(command).action(inData(list))
}

async function list(directory: string, given: string | undefined, options: ListOptions): Promise<void> {
  const state = await askState(directory)
  const sources = given === undefined ? state.settings.sources : [sourceAt(state.settings, given)]
  const until = Date.now()
  const gaps = options.missing ?? false
  const all = sources.map(async ({ id, name }) => {
    const question = { id, since: options.since ?? until - 30 * DAY_MS, until, gaps }
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
  const next = findNext(state, new Set(sources.map(({ id }) => id)))
  if (options.json) return console.log(jsonText({ files, counts, next }, 2))
  const listed = [...table(files), ...(left > 0 ? [translate('cli.expected.more', { count: left })] : [])]
  const isUnused = counts.due === 0 && sources.every(({ expected }) => expected.length === 0)
  const none = isUnused ? 'noRules' : counts.due === 0 ? 'none' : 'allThere'
  const upcoming = next.map((one) =>
    translate('cli.expected.nextOf', {
      name: quoteControls(one.source),
      path: quoteControls(one.path),
      due: localTime(one.due),
    }),
  )
  const lines = files.length === 0 ? [translate(`cli.expected.${none}`)] : listed
  console.log([...lines, ...(gaps ? [] : upcoming)].join('\n'))
}

/** Returns the file of each rule that is due next. A paused source waits for none. */
function findNext({ sources }: AppState, ids: ReadonlySet<string>) {
  return sources.flatMap(({ settings: { id, name: source, paused }, scanned }) =>
    ids.has(id) && !paused
      ? (scanned?.expected ?? []).map(({ pattern, next }) => ({ source, pattern, ...next }))
      : [],
  )
}

const isOnTime = ({ due, arrivedAt }: Listed): boolean => arrivedAt !== null && arrivedAt <= due

function table(files: readonly (Listed & { source: string })[]): string[] {
  const columns = ['due', 'state', 'source', 'file'] as const
  const head = columns.map((column) => translate(`cli.expected.${column}`))
  const rows = files.map((file) => {
    const { due, arrivedAt, tooSmall, source, path } = file
    const state =
      arrivedAt !== null
        ? isOnTime(file)
          ? translate('cli.expected.onTime')
          : translate('cli.expected.late', { late: arrivedAt - due })
        : tooSmall === null
          ? translate('cli.expected.missing')
          : translate('cli.expected.tooSmall', { size: tooSmall })
    return [localTime(due), state, quoteControls(source), quoteControls(path)]
  })
  return tableLines([head, ...rows])
}
