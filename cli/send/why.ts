import { realpathSync, statSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { type Explanation, explanationSchema } from '../../core/agent/parts/sources/contract.ts'
import { dropError } from '../../core/dropped-errors.ts'
import { commandName } from '../../core/lib/i18n/words.ts'
import { dataWords, resolveDataDirectory, withDataDirectory } from '../ask/data-directory.ts'
import { tableLines } from '../terminal/columns.ts'
import { jsonText } from '../terminal/json.ts'
import { parsePath } from '../terminal/path-words.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { about, terminalWords, translate } from '../terminal/terminal-words.ts'

/** Limit of the reasons of a directory that are printed. */
const MOST_REASONS = 10

/** `holdfast why FILE`: explains where a file is, and why it is not elsewhere. */
export function registerWhy(program: Command): void {
  const command = program
    .command('why')
    .description(
      'explain where a file is: at each destination since when, or why not, and what would change that; exit code 0: ' +
        'every destination has it, 1: not',
    )
    .argument('<file>', 'a file or a folder; it need not exist any more', parsePath)
    .option('--json', 'print the answer as JSON')
  withDataDirectory(command).action(async (file: string, options: { data?: string; json?: boolean }) => {
    const directory = resolveDataDirectory(options)
    const answer = await explain(directory, path.resolve(file))
    console.log(
      options.json ? jsonText(answer, 2) : explanationLines(answer, dataWords(directory)).join('\n'),
    )
    process.exitCode = isEverywhere(answer) ? 0 : 1
  })
}

const isEverywhere = ({ verdict, below }: Explanation): boolean =>
  verdict === 'safe' ||
  verdict === 'copied' ||
  (verdict === 'folder' &&
    below !== null &&
    below.waiting === 0 &&
    !below.isPart &&
    below.others.length === 0)

/** Asks for the path as it is given, then with its links resolved: resolving one could block on a disk that hangs. */
async function explain(directory: string, absolute: string): Promise<Explanation> {
  const first = await askFor(directory, absolute, false)
  if (first.verdict !== 'outside') return first
  for (const real of [
    path.join(realPath(path.dirname(absolute)), path.basename(absolute)),
    realPath(absolute),
  ]) {
    const next = real === absolute ? first : await askFor(directory, real, false)
    if (next.verdict !== 'outside') return next
  }
  return askFor(directory, absolute, isDirectory(absolute))
}

const askFor = async (directory: string, file: string, isDirectory: boolean) =>
  explanationSchema.parse(await sendCommand(directory, 'explainFile', { path: file, isDirectory }))

/** Resolves the part of a path that exists. */
function realPath(absolute: string): string {
  try {
    return realpathSync(absolute)
  } catch (error) {
    const above = path.dirname(absolute)
    if (above === absolute) return dropError(error, 'a root that does not resolve stays as it is', absolute)
    return path.join(realPath(above), path.basename(absolute))
  }
}

function isDirectory(absolute: string): boolean {
  try {
    return statSync(absolute).isDirectory()
  } catch (error) {
    return dropError(error, 'a path that is not there is no folder', false)
  }
}

/** Formats an explanation for a terminal. @param data the option that the commands need. */
export function explanationLines(
  { path: file, sentence, details, places, below, steps }: Explanation,
  data: string,
): string[] {
  const place = ({ destination, name, sentence, detail }: Explanation['places'][number]) => {
    const shown = destination === 'embedded' ? translate('window.destination.here') : quoteControls(name)
    return [
      `  ${about(shown, terminalWords(sentence))}`,
      ...(detail === null ? [] : [`    ${terminalWords(detail)}`]),
    ]
  }
  const others = below?.others ?? []
  const left = others.slice(MOST_REASONS).reduce((sum, { files }) => sum + files, 0)
  return [
    quoteControls(file),
    `  ${terminalWords(sentence)}`,
    ...details.map((one) => `  ${terminalWords(one)}`),
    ...places.flatMap(place),
    ...tableLines(
      others
        .slice(0, MOST_REASONS)
        .map(({ why, files }) => [`  ${translate('why.files', { count: files })}`, terminalWords(why)]),
    ),
    ...(left > 0 ? [`  ${translate('why.more', { count: left })}`] : []),
    ...steps.flatMap(({ sentence, command }) => [
      about(terminalWords(sentence), '').trimEnd(),
      `  ${withData(command, data)}`,
    ]),
  ]
}

/** Completes a command for this shell and this data directory. */
const withData = (command: string, data: string): string =>
  quoteControls(command.replace(/^holdfast (.*)$/s, (_, rest: string) => `${commandName()} ${rest}${data}`))
