import type { Command } from 'commander'
import { type ChangesPage, commands, type RecordedChange } from '../core/agent/contract.ts'
import { sendCommand } from '../core/agent/control-socket.ts'
import { toChangesPage } from '../core/agent/recording.ts'
import { type ChangesQuestion, changesQuestionSchema } from '../core/alerts/incident.ts'
import { readChanges } from '../core/alerts/store/database.ts'
import { getAlertsFile } from '../core/receive/service/receiver-alerting.ts'
import { getDataLayout } from '../core/settings/data-directory.ts'
import { storeLayout } from '../core/store/layout.ts'
import { resolveDataDirectory, withDataDirectory } from './data-directory.ts'
import { parseCount } from './incidents.ts'
import { jsonText } from './json.ts'
import { localTime, parseMoment } from './moment.ts'
import { parsePath } from './path-words.ts'
import { formatDifference } from './settings.ts'
import { refuseMissing, runningState } from './settings-change.ts'
import { about, terminalWords, translate } from './terminal-words.ts'

interface ChangesOptions {
  data?: string
  store?: string
  json?: boolean
  most: number
  since?: number
  text: string
}

const PAGE = 100

/** `holdfast changes`: lists who changed what. */
export function registerChanges(program: Command): void {
  const command = program
    .command('changes')
    .description('list who changed what: settings, sources, destinations, access; newest first')
    .option('--store <directory>', "those of a receiver's store, made by commands for it", parsePath)
    .option('--since <time>', 'only later ones: 2026-11-20, or 2026-11-20T08:15', parseMoment)
    .option('--text <text>', 'only those that contain it', '')
    .option('--most <number>', 'how many at most', parseCount, 50)
    .option('--json', 'one JSON object a line')
  withDataDirectory(command).action(list)
}

async function list(options: ChangesOptions): Promise<void> {
  const ask = await openChanges(options)
  const { since = null, text } = options
  let before: number | null = null
  let left = options.most
  let count = 0
  do {
    const most = Math.min(PAGE, left)
    const page: ChangesPage = await ask(changesQuestionSchema.parse({ before, most, since, text }))
    for (const change of page.entries) {
      count += 1
      if (options.json === true) console.log(jsonText(change))
      else for (const line of formatChange(change)) console.log(line)
    }
    left -= page.entries.length
    before = page.next
  } while (before !== null && left > 0)
  if (count === 0 && options.json !== true) console.log(translate('cli.changes.none'))
}

/** Reads pages from the running agent, or from the database if none runs. */
async function openChanges(
  options: ChangesOptions,
): Promise<(asked: ChangesQuestion) => Promise<ChangesPage>> {
  const readFile = (file: string) => async (asked: ChangesQuestion) => toChangesPage(readChanges(file, asked))
  if (options.store !== undefined) return readFile(getAlertsFile(storeLayout(options.store)))
  const directory = resolveDataDirectory(options)
  refuseMissing(directory)
  const state = await runningState(directory)
  if (state === null || state.host === 'once') return readFile(getDataLayout(directory).alerts)
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
