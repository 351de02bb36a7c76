import { type Command, InvalidArgumentError } from 'commander'
import { parseSeconds } from '../core/lib/i18n/formats.ts'
import { defaultSettings, keepSchema, type ShownSettings } from '../core/settings/schema.ts'
import { resolveDataDirectory, withDataDirectory } from './data-directory.ts'
import { jsonText } from './json.ts'
import { changeSettings, settingsNow } from './settings-change.ts'
import { translate } from './terminal-words.ts'

const DAY_SECONDS = 86_400
const { withinDays, daily } = keepSchema.shape

interface KeepOptions {
  data?: string
  json?: boolean
  within?: number
  daily?: number
  weekly?: number
  monthly?: number
  yearly?: number
}

/** `holdfast keep`: prints or changes how long older versions are kept. */
export function registerKeep(program: Command): void {
  const command = program
    .command('keep')
    .description(
      'show or change how long older versions stay: in folders, on SFTP servers, in buckets, and of files that the agent receives; ' +
        'a receiver on another computer has its own rules (holdfast receive --keep-within)',
    )
    .option('--within <days>', 'keep all versions this long after they were replaced: 30d', parseDays)
    .option('--daily <number>', 'then the last version of each day, for this many days', parseCount)
    .option('--weekly <number>', 'the same for weeks', parseCount)
    .option('--monthly <number>', 'the same for months', parseCount)
    .option('--yearly <number>', 'the same for years', parseCount)
    .option('--json', 'print the rule as JSON, as the settings file has it')
  withDataDirectory(command).action(keep)
}

function parseDays(text: string): number {
  const days = withinDays.safeParse((parseSeconds(text) ?? Number.NaN) / DAY_SECONDS)
  if (!/\d\s*d$/.test(text) || !days.success)
    throw new InvalidArgumentError('It must be whole days such as 30d, at least 1d.')
  return days.data
}

function parseCount(text: string): number {
  const count = daily.safeParse(/^\d+$/.test(text) ? Number(text) : null)
  if (!count.success) throw new InvalidArgumentError('It must be a whole number from 0 to 10000.')
  return count.data
}

async function keep({ data, json = false, within, ...counts }: KeepOptions): Promise<void> {
  const directory = resolveDataDirectory(data === undefined ? {} : { data })
  const changes = { keep: { withinDays: within, ...counts } }
  const isQuestion = Object.values(changes.keep).every((one) => one === undefined)
  let before = defaultSettings.keep
  const change = ({ keep }: ShownSettings) => {
    before = keep
    return { command: 'changeSettings' as const, input: changes }
  }
  const { keep: now } = isQuestion ? await settingsNow(directory) : await changeSettings(directory, change)
  if (json) return console.log(jsonText(now))
  if (!isQuestion) tellLess(before, now)
  console.log(translate('cli.keep.within', { count: now.withinDays }))
  for (const name of ['daily', 'weekly', 'monthly', 'yearly'] as const) {
    const each = translate(`cli.keep.${name}`)
    const number = now[name]
    console.log(`  ${translate(number === 0 ? 'cli.keep.none' : 'cli.keep.latest', { each, number })}`)
  }
}

/** Prints which older versions a shorter retention deletes for good, in the sentences of the window's question. */
function tellLess(before: ShownSettings['keep'], now: ShownSettings['keep']): void {
  const less = (['within', 'daily', 'weekly', 'monthly', 'yearly'] as const).flatMap((name) => {
    const field = name === 'within' ? 'withinDays' : name
    if (now[field] >= before[field]) return []
    return [translate(`settings.keep.less.${name}`, { count: now[field], before: before[field] })]
  })
  for (const line of less) console.log(line)
  if (less.length > 0) console.log(translate('settings.keep.askGone'))
}
