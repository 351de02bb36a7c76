import type { Command } from 'commander'
import { commands } from '../../core/agent/contract.ts'
import { sendCommand } from '../../core/agent/control-socket.ts'
import type { ChangesPage, RecordedChange } from '../../core/agent/parts/changes/contract.ts'
import { toChangesPage } from '../../core/agent/recording.ts'
import { type ChangesQuestion, changesQuestionSchema } from '../../core/alerts/incident.ts'
import { readChanges } from '../../core/alerts/store/database.ts'
import { getDataLayout } from '../../core/settings/data-directory.ts'
import { storeLayout } from '../../core/store/layout.ts'
import { formatDifference } from '../agent/settings.ts'
import { refuseMissing, resolveDataDirectory, withDataDirectory } from '../ask/data-directory.ts'
import { runningState } from '../ask/settings-change.ts'
import { localTime, parseTime } from '../terminal/moment.ts'
import { printPages } from '../terminal/pages.ts'
import { parsePath } from '../terminal/path-words.ts'
import { about, terminalWords, translate } from '../terminal/terminal-words.ts'
import { parseCount } from './failures.ts'

interface ChangesOptions {
  data?: string
  store?: string
  json?: boolean
  most: number
  since?: number
  text: string
}

/** `holdfast changes`: lists who changed what. */
export function registerChanges(program: Command): void {
  const command = program
    .command('changes')
    .description('list who changed what: settings, folders, destinations, access; newest first')
    .option('--store <folder>', "those of a receiver's store, made by commands for it", parsePath)
    .option('--since <time>', 'only later ones: 2h, 2026-11-20, or 2026-11-20T08:15', parseTime)
    .option('--text <text>', 'only those that contain it', '')
    .option('--most <number>', 'how many at most', parseCount, 50)
    .option('--json', 'one JSON object a line')
  withDataDirectory(command).action(list)
}

async function list(options: ChangesOptions): Promise<void> {
  const ask = await openChanges(options)
  const { since = null, text, most, json } = options
  await printPages((part) => ask(changesQuestionSchema.parse({ ...part, since, text })), {
    most,
    json,
    format: formatChange,
    none: 'cli.changes.none',
  })
}

/** Reads pages from the running agent, or from the database if none runs. */
async function openChanges(
  options: ChangesOptions,
): Promise<(asked: ChangesQuestion) => Promise<ChangesPage>> {
  const readFile = (file: string) => async (asked: ChangesQuestion) => toChangesPage(readChanges(file, asked))
  if (options.store !== undefined) return readFile(storeLayout(options.store).alerts)
  const directory = resolveDataDirectory(options)
  refuseMissing(directory)
  const state = await runningState(directory)
  if (state === null) return readFile(getDataLayout(directory).alerts)
  return async (asked) => commands.changes.output.parse(await sendCommand(directory, 'changes', asked))
}

function formatChange({ at, by: { via, name }, sentence, differences, more }: RecordedChange): string[] {
  const who = translate(`change.by.${via}`, { name })
  return [
    `${localTime(at).slice(0, 19).replace('T', ' ')}  ${about(who, terminalWords(sentence))}`,
    ...differences.map((one) => `  ${formatDifference(one)}`),
    ...(more > 0 ? [`  ${translate('change.more', { count: more })}`] : []),
  ]
}
