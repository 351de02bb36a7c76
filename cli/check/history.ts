import { type Command, InvalidArgumentError } from 'commander'
import { commands } from '../../core/agent/contract.ts'
import { sendCommand } from '../../core/agent/control-socket.ts'
import type { HistoryAnswer } from '../../core/check/checker-messages.ts'
import type { VerdictKind } from '../../core/check/verdict-kinds.ts'
import { inData, withDataDirectory } from '../ask/data-directory.ts'
import { pathAt } from '../ask/known-path.ts'
import { askState } from '../ask/settings-change.ts'
import { tableLines } from '../terminal/columns.ts'
import { jsonText } from '../terminal/json.ts'
import { toNumber } from '../terminal/option-words.ts'
import { parsePath } from '../terminal/path-words.ts'
import { listed, translate } from '../terminal/terminal-words.ts'

const HOUR_MS = 3_600_000
/** Limit of points in one answer of the agent (core/check/checker-messages.ts). */
const MAX_POINTS = 2_000

/** `holdfast history PATH`: prints delays and verdicts of a path that the running agent checks, as a table or JSON. */
export function registerHistory(program: Command): void {
  const command = program
    .command('history')
    .description('print the delays and verdicts of a checked path; exit code 3: no agent runs')
    .argument('<path>', 'a folder, or its name, or a checked path of the running agent', parsePath)
    .option('--hours <hours>', 'how far back', parsePositive, 24)
    .option('--points <points>', 'the maximum number of lines', parsePositive, 48)
    .option('--json', 'print the answer as JSON: times in milliseconds since 1970, delays in milliseconds')
  withDataDirectory(command).action(
    inData(async (directory, given: string, options: { hours: number; points: number; json?: boolean }) => {
      const state = await askState(directory)
      const { id } = pathAt(state.settings, given)
      const to = Date.now()
      const points = Math.min(MAX_POINTS, Math.ceil(options.points))
      const question = { id, from: to - options.hours * HOUR_MS, to, points }
      const answer = commands.checkHistory.output.parse(
        await sendCommand(directory, 'checkHistory', question),
      )
      console.log(options.json ? jsonText(answer, 2) : table(answer).join('\n'))
    }),
  )
}

function parsePositive(text: string): number {
  const number = toNumber(text)
  if (!(number > 0 && Number.isFinite(number))) throw new InvalidArgumentError('It must be a number above 0.')
  return number
}

/**
 * Formats one row per point: time, number of checks, median, 99th percentile and maximum delay, verdicts. A row that
 * covers a span has the time of its beginning, which may be before the first check.
 */
function table({ points, spanMs }: HistoryAnswer): string[] {
  const head = (['time', 'checks', 'median', 'p99', 'most', 'verdicts'] as const).map((column) =>
    translate(`cli.history.${column}`),
  )
  const rows = points.map(({ at, count, delays, kinds }) => [
    new Date(at).toISOString().slice(0, 19),
    String(count),
    ...[delays?.median, delays?.p99, delays?.max].map((delay) => delay?.toFixed(2) ?? '-'),
    listed(
      Object.entries(kinds).map(
        ([kind, times]) => `${translate(`cli.verdict.${kind as VerdictKind}`)} ${times}`,
      ),
    ),
  ])
  const lines = tableLines([head, ...rows])
  return spanMs === 0 ? lines : [...lines, translate('cli.history.span', { span: spanMs })]
}
