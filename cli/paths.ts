import path from 'node:path'
import type { Command } from 'commander'
import { sendCommand } from '../core/agent/control-socket.ts'
import { message } from '../core/lib/i18n/message.ts'
import { type MarkedAnswer, markedAnswers } from '../core/scan/scanner-messages.ts'
import { getSource } from '../core/settings/changes.ts'
import { findOddPatterns } from '../core/settings/patterns.ts'
import { getDataDirectory, resolveDataDirectory, withDataDirectory } from './data-directory.ts'
import { registerExpect } from './expected.ts'
import {
  type FilterChanges,
  type FilterOptions,
  type NameOptions,
  toFilterChanges,
  toNameChanges,
  withFilters,
  withNames,
} from './filter-options.ts'
import { jsonText } from './json.ts'
import { checkedPathAt, pathAt, sourceAt } from './known-path.ts'
import { omitUndefined } from './omit-undefined.ts'
import { collect } from './option-words.ts'
import { heldLines, linkLines, pathLines, sourceLines } from './path-lines.ts'
import { parsePath } from './path-words.ts'
import { askState, changeSettings, runningState, settingsIn, settingsNow } from './settings-change.ts'
import { terminalWords, translate } from './terminal-words.ts'
import { WrongUsage } from './wrong-usage.ts'

interface Options extends FilterOptions, NameOptions {
  data?: string
  json?: boolean
}

interface AddOptions extends FilterOptions {
  batch?: boolean
  prefix?: string
  to?: string[]
}

/** `holdfast paths`: lists and edits the protected and checked paths. */
export function registerPaths(program: Command): void {
  const command = program
    .command('paths')
    .description('list what is protected or checked; add, change, pause or remove it')
    .option('--json', 'print the list as JSON, as the settings file has it')
  withDataDirectory(command).action((options: Options) => list(resolveDataDirectory(options), options.json))
  const inner = (name: string, description: string) =>
    withDataDirectory(
      command.command(name).description(description).argument('<path>', 'its path', parsePath),
    )
  withFilters(
    inner('add', 'protect a directory: check it, and send its files to the destinations')
      .option('--batch', 'it holds batch directories with finished.parse and finished.watch marks')
      .option('--prefix <prefix>', 'as --batch, only child directories whose name begins with this')
      .option(
        '--to <destination>',
        'send its files only to this destination (repeatable); default: all',
        collect,
      ),
  ).action((given: string, options: AddOptions, self: Command) => add(getDataDirectory(self), given, options))
  withNames(
    withFilters(
      inner(
        'change',
        'change the name of a protected directory, its filters, its timing, and the removal of sent files here',
      ),
    ),
  ).action((given: string, options: Options, self: Command) =>
    change(getDataDirectory(self), given, { ...toFilterChanges(options), ...toNameChanges(options) }),
  )
  inner('move', 'change the path of a protected directory that was moved; the agent must be running')
    .argument('<new-path>', 'its new path', parsePath)
    .action((given: string, next: string, _: Options, self: Command) =>
      move(getDataDirectory(self), given, next),
    )
  inner('follow', 'use the place that a link leads to now, for a path that was given by that link')
    .option('--stay', 'use the path as before, and stop following the link')
    .action((given: string, { stay = false }: { stay?: boolean }, self: Command) =>
      follow(getDataDirectory(self), given, stay),
    )
  inner('pause', 'pause sending of a protected directory until it is resumed').action(
    (given: string, _: Options, self: Command) => pause(getDataDirectory(self), given, true),
  )
  inner('resume', 'send a protected directory again').action((given: string, _: Options, self: Command) =>
    pause(getDataDirectory(self), given, false),
  )
  registerExpect(
    inner('expect', 'notify when a file that should come regularly is missing: an hourly or a daily one'),
  )
  inner('check', 'check a path without sending its files; the agent must be running').action(
    (given: string, _: Options, self: Command) => check(getDataDirectory(self), given),
  )
  inner('retry', 'give files that could not be sent another try; the agent must be running').action(
    (given: string, _: Options, self: Command) => retry(getDataDirectory(self), given),
  )
  inner(
    'accept',
    'accept that many files of a protected directory were emptied, changed or deleted at once; those that are there are sent as they are',
  ).action((given: string, _: Options, self: Command) => accept(getDataDirectory(self), given))
  inner(
    'restore',
    'restore files of a protected directory that were emptied or changed at once to their sent content',
  ).action((given: string, _: Options, self: Command) =>
    answerMassChange(getDataDirectory(self), given, 'bringBack', 'cli.paths.comingBack'),
  )
  for (const answer of markedAnswers) {
    inner(answer, MARKED[answer].does)
      .option('--json', 'print the path, the decision and how many files it is about as JSON')
      .action((given: string, { json }: Options, self: Command) =>
        answerMarked(getDataDirectory(self), given, answer, json),
      )
  }
  inner(
    'remove',
    'stop protecting or checking it; files stay as they are, here and where they were sent',
  ).action((given: string, _: Options, self: Command) => remove(getDataDirectory(self), given))
}

/**
 * Decisions about files with isocket's mark that Holdfast did not send. isocket is the program that Holdfast replaces;
 * its mark on a file, the group-write bit, means "sent".
 */
const MARKED = {
  confirm: {
    does: 'count as sent the files that isocket, an older program, has marked: they are at the destinations',
    said: 'cli.paths.confirmed',
  },
  send: {
    does: 'send the files that isocket, an older program, has marked: they are not at the destinations',
    said: 'cli.paths.sending',
  },
} as const

async function answerMarked(
  dataDirectory: string,
  given: string,
  answer: MarkedAnswer,
  json = false,
): Promise<void> {
  const { sources, settings } = await askState(dataDirectory)
  const { id, path } = sourceAt(settings, given)
  const marked = sources.find((one) => one.settings.id === id)?.scanned?.marked
  await sendCommand(dataDirectory, 'answerMarked', { id, answer })
  const files = marked?.files ?? 0
  console.log(
    json ? jsonText({ path, answer, files }) : translate(MARKED[answer].said, { path, count: files }),
  )
}

async function list(dataDirectory: string, json = false): Promise<void> {
  const agent = await runningState(dataDirectory)
  const settings = settingsIn(agent, dataDirectory)
  const { sources, checkedPaths } = settings
  const oddPatterns = sources.flatMap(({ id, path: root, ignore }) =>
    findOddPatterns(ignore, root).map((one) => ({ source: id, ...one })),
  )
  if (json) console.log(jsonText({ sources, checkedPaths, oddPatterns }, 2))
  else if (sources.length + checkedPaths.length === 0) console.log(translate('cli.paths.none'))
  else
    console.log(
      [
        ...pathLines(settings),
        ...(agent === null ? [] : agent.sources.flatMap((one) => heldLines(agent, one))),
      ].join('\n'),
    )
}

async function add(
  dataDirectory: string,
  given: string,
  { batch = false, prefix, to, ...filters }: AddOptions,
): Promise<void> {
  const kind = batch || prefix !== undefined ? 'batch' : undefined
  const input = {
    path: path.resolve(given),
    ...toFilterChanges(filters),
    ...omitUndefined({ kind, prefix, to }),
  }
  const after = await changeSettings(dataDirectory, () => ({ command: 'addSource', input }))
  console.log(sourceLines(after, sourceAt(after, given)).join('\n'))
}

async function change(dataDirectory: string, given: string, changes: FilterChanges): Promise<void> {
  if (Object.keys(changes).length === 0) throw new WrongUsage('cli.paths.changeWhat')
  let id = ''
  const after = await changeSettings(dataDirectory, (settings) => {
    id = sourceAt(settings, given).id
    return { command: 'changeSource', input: { id, changes } }
  })
  // The user may have given the former name: the source is found by its id.
  console.log(sourceLines(after, getSource(after, id)).join('\n'))
}

async function pause(dataDirectory: string, given: string, paused: boolean): Promise<void> {
  const after = await changeSettings(dataDirectory, (settings) => ({
    command: 'changeSource',
    input: { id: sourceAt(settings, given).id, changes: { paused } },
  }))
  console.log(sourceLines(after, sourceAt(after, given)).join('\n'))
}

async function check(dataDirectory: string, given: string): Promise<void> {
  const wanted = path.resolve(given)
  await sendCommand(dataDirectory, 'addCheckedPath', { path: wanted })
  console.log(translate('cli.paths.checked', { path: wanted }))
  const added = pathAt(await settingsNow(dataDirectory), wanted)
  for (const line of linkLines(added)) console.log(line)
}

async function follow(dataDirectory: string, given: string, stay: boolean): Promise<void> {
  let link: string | null = null
  let id = ''
  const after = await changeSettings(dataDirectory, (settings) => {
    const found = pathAt(settings, given)
    link = found.link
    id = found.id
    return { command: 'followLink', input: { id, stay } }
  })
  const all = [...after.sources, ...after.checkedPaths]
  const now = all.find((one) => (stay ? one.id === id : one.link === link))
  if (now !== undefined) console.log(translate('cli.paths.followed', { path: now.path }))
}

async function move(dataDirectory: string, given: string, next: string): Promise<void> {
  const { id, name } = sourceAt(await settingsNow(dataDirectory), given)
  const wanted = path.resolve(next)
  await sendCommand(dataDirectory, 'moveSource', { id, path: wanted })
  console.log(translate('cli.paths.moved', { name, path: wanted }))
}

async function retry(dataDirectory: string, given: string): Promise<void> {
  const { id, path } = sourceAt(await settingsNow(dataDirectory), given)
  await sendCommand(dataDirectory, 'retryParked', { id })
  console.log(translate('cli.paths.retried', { path }))
}

/** Accepts that many files were emptied, changed or deleted at once. */
async function accept(dataDirectory: string, given: string): Promise<void> {
  const { id, path } = sourceAt(await settingsNow(dataDirectory), given)
  const { sources } = await askState(dataDirectory)
  const scanned = sources.find(({ settings }) => settings.id === id)?.scanned
  if (scanned?.deleted?.since != null) {
    await sendCommand(dataDirectory, 'acceptDeleted', { id })
    console.log(translate('cli.paths.deletionAccepted', { path }))
    if (scanned.held == null) return
  }
  await answerMassChange(dataDirectory, given, 'sendAsItIs', 'cli.paths.accepted')
}

/** Answers the question about files that were emptied or changed at once. */
async function answerMassChange(
  dataDirectory: string,
  given: string,
  command: 'sendAsItIs' | 'bringBack',
  said: 'cli.paths.accepted' | 'cli.paths.comingBack',
): Promise<void> {
  const { id, path } = sourceAt(await settingsNow(dataDirectory), given)
  await sendCommand(dataDirectory, command, { id })
  console.log(translate(said, { path }))
}

async function remove(dataDirectory: string, given: string): Promise<void> {
  let said = message('cli.paths.none')
  await changeSettings(dataDirectory, (settings) => {
    const checked = checkedPathAt(settings, given)
    const { id, path } = checked ?? sourceAt(settings, given)
    said = message(checked === null ? 'cli.paths.removed' : 'cli.paths.unchecked', { path })
    return { command: checked === null ? 'removeSource' : 'removeCheckedPath', input: { id } }
  })
  console.log(terminalWords(said))
}
