import { realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Command } from 'commander'
import { type Explanation, explanationSchema } from '../../core/agent/parts/sources/contract.ts'
import { ignoreError } from '../../core/dropped-errors.ts'
import { LATE, withTimeout } from '../../core/lib/async/timing.ts'
import { commandName } from '../../core/lib/i18n/words.ts'
import { dataWords, refuseMissing, resolveDataDirectory, withDataDirectory } from '../ask/data-directory.ts'
import { endChild, isChild, runInChild } from '../ask/in-child.ts'
import { ask, runningState } from '../ask/settings-change.ts'
import { tableLines } from '../terminal/columns.ts'
import { jsonText } from '../terminal/json.ts'
import { parsePath } from '../terminal/path-words.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { about, terminalWords, translate } from '../terminal/terminal-words.ts'

/** Limit of the reasons of a directory that are printed. */
const MOST_REASONS = 10
/** Limit for resolving the links of a path in milliseconds: its disk may hang. */
const RESOLVE_MS = 5_000

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
    refuseMissing(directory)
    const absolute = path.resolve(file)
    const print = (answer: Explanation) => {
      console.log(
        options.json ? jsonText(answer, 2) : explanationLines(answer, dataWords(directory)).join('\n'),
      )
      return isEverywhere(answer) ? 0 : 1
    }
    if (isChild) return endChild(print(await explain(directory, absolute)), [process.stdout, process.stderr])
    const answer = (await runningState(directory)) === null ? null : await askFor(directory, absolute)
    // All other answers read a disk, which may hang.
    if (answer === null || answer.verdict === 'outside') return runInChild(process.stdout, process.stderr)
    process.exitCode = print(answer)
  })
}

/** Why files are no part of what is sent, whatever the settings are. */
const NEVER_SENT: ReadonlySet<string> = new Set(['scan.why.mark', 'scan.why.own'])

const isEverywhere = ({ verdict, below }: Explanation): boolean =>
  verdict === 'safe' ||
  verdict === 'copied' ||
  (verdict === 'folder' &&
    below !== null &&
    below.waiting === 0 &&
    !below.isPart &&
    below.others.every(({ why }) => NEVER_SENT.has(why.key)))

/** Asks for the path as it is given, then with its links resolved. */
async function explain(directory: string, absolute: string): Promise<Explanation> {
  const first = await askFor(directory, absolute)
  if (first.verdict !== 'outside') return first
  const found = await withTimeout(RESOLVE_MS, resolveLinks(absolute))
  if (found === LATE) return first
  for (const real of found.paths) {
    const next = real === absolute ? first : await askFor(directory, real)
    if (next.verdict !== 'outside') return next
  }
  return askFor(directory, absolute, found.isDirectory)
}

const askFor = async (directory: string, file: string, isDirectory = false) =>
  explanationSchema.parse(
    await ask(directory, { command: 'explainFile', input: { path: file, isDirectory } }),
  )

/** Resolves the links above a path, then its own, too. */
async function resolveLinks(absolute: string): Promise<{ paths: string[]; isDirectory: boolean }> {
  const above = await realPath(path.dirname(absolute))
  const isDirectory = await stat(absolute).then(
    (facts) => facts.isDirectory(),
    ignoreError('a path that is not there is no folder', false),
  )
  return { paths: [path.join(above, path.basename(absolute)), await realPath(absolute)], isDirectory }
}

/** Resolves the part of a path that exists. */
async function realPath(absolute: string): Promise<string> {
  const real = await realpath(absolute).catch(ignoreError('what is above it may exist', null))
  const above = path.dirname(absolute)
  return real ?? (above === absolute ? absolute : path.join(await realPath(above), path.basename(absolute)))
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
