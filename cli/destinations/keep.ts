import type { Command } from 'commander'
import { defaultSettings, type ShownSettings } from '../../core/settings/schema.ts'
import { inData, withDataDirectory } from '../ask/data-directory.ts'
import { changeSettings, settingsNow } from '../ask/settings-change.ts'
import { jsonText } from '../terminal/json.ts'
import { parserOf } from '../terminal/setting-words.ts'
import { translate } from '../terminal/terminal-words.ts'

interface KeepOptions {
  data?: string
  json?: boolean
  within?: number
  daily?: number
  weekly?: number
  monthly?: number
  yearly?: number
}

/** `holdfast destinations keep`: prints or changes how long older versions are kept. */
export function registerKeep(destinations: Command): void {
  const command = destinations
    .command('keep')
    .description(
      'show or change how long older versions stay: at all destinations but receivers, and of files that the agent receives; ' +
        'a receiver on another computer has its own rules (holdfast receive --keep-within)',
    )
    .option(
      '--within <days>',
      'keep all versions this long after they were replaced: 30d',
      parserOf('keep.withinDays', { ofTime: true }),
    )
    .option(
      '--daily <number>',
      'then the last version of each day, for this many days',
      parserOf('keep.daily'),
    )
    .option('--weekly <number>', 'the same for weeks', parserOf('keep.weekly'))
    .option('--monthly <number>', 'the same for months', parserOf('keep.monthly'))
    .option('--yearly <number>', 'the same for years', parserOf('keep.yearly'))
    .option('--json', 'print the rule as JSON, as the settings file has it')
  withDataDirectory(command).action(inData(keep))
}

async function keep(
  directory: string,
  { data: _, json = false, within, ...counts }: KeepOptions,
): Promise<void> {
  const changes = { keep: { withinDays: within, ...counts } }
  const isQuestion = Object.values(changes.keep).every((one) => one === undefined)
  let before: Keep = defaultSettings
  const change = (settings: ShownSettings) => {
    before = settings
    return { command: 'changeSettings' as const, input: changes }
  }
  const settings = isQuestion ? await settingsNow(directory) : await changeSettings(directory, change)
  const { keep: now } = settings
  if (json) return console.log(jsonText(now))
  if (!isQuestion) printFewer(before, settings)
  console.log(translate('cli.keep.within', { count: now.withinDays }))
  for (const name of ['daily', 'weekly', 'monthly', 'yearly'] as const) {
    const each = translate(`cli.keep.${name}`)
    const number = now[name]
    console.log(`  ${translate(number === 0 ? 'cli.keep.none' : 'cli.keep.latest', { each, number })}`)
  }
}

type Keep = Pick<ShownSettings, 'keep'>

/** Prints which older versions a shorter retention deletes for good, in the sentences of the window's question. */
export function printFewer({ keep: before }: Keep, { keep: now }: Keep): void {
  const less = (['withinDays', 'daily', 'weekly', 'monthly', 'yearly'] as const)
    .filter((name) => now[name] < before[name])
    .map((name) => translate(`settings.keep.less.${name}`, { count: now[name], before: before[name] }))
  for (const line of less) console.log(line)
  if (less.length > 0) console.log(translate('settings.keep.askGone'))
}
