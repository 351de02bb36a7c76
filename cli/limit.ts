import { type Command, InvalidArgumentError } from 'commander'
import { defaultSettings, MOST_RULES, type SendRule, settingsSchema } from '../core/settings/schema.ts'
import { resolveDataDirectory, withDataDirectory } from './data-directory.ts'
import { jsonText } from './json.ts'
import { parseRate, parseRule, rateText, ruleText } from './send-rule.ts'
import { changeSettings, settingsNow } from './settings-change.ts'
import { translate } from './terminal-words.ts'
import { WrongUsage } from './wrong-usage.ts'

interface LimitOptions {
  data?: string
  json?: boolean
  /** false for --no-rules. */
  rules?: false
  rule?: SendRule[]
  /** false for --no-pause-on-…; absent if unchanged. */
  pauseOnBattery?: boolean
  pauseOnMetered?: boolean
  versionsPerHour?: number
}

/** `holdfast limit`: prints or changes the rate limit of sending and its weekly schedule. */
export function registerLimit(program: Command): void {
  const command = program
    .command('limit')
    .description('show or change the speed limit, with times of the week')
    .argument('[rate]', 'bytes a second where no rule applies: 500K, 10M, or none', parseRateOption)
    .option(
      '--rule <rule>',
      'at certain times: "mon-fri 08:00-18:00 1M", "sat,sun 00:00-00:00 free", "daily 12:00-13:00 pause" ' +
        '(repeatable; the first that covers a moment decides; they replace those that were there)',
      collectRules,
    )
    .option('--no-rules', 'remove all rules')
    .option('--pause-on-battery', 'send nothing while this computer runs on its battery')
    .option('--no-pause-on-battery', 'send on battery, too')
    .option('--pause-on-metered', 'send nothing while NetworkManager calls the network metered')
    .option('--no-pause-on-metered', 'send on a metered network, too')
    .option(
      '--versions-per-hour <count>',
      'send a file of 16 MiB or more that keeps changing at most this often (1 to 3600; smaller files more often)',
      versionsFrom,
    )
    .option('--json', 'print the limit as JSON, as the settings file has it')
  withDataDirectory(command).action(limit)
}

function parseRateOption(text: string): number | null {
  if (text === 'none') return null
  const rate = parseRate(text)
  if (rate === null)
    throw new InvalidArgumentError('It must be a rate such as 500K or 10M, at least 1K, or "none".')
  return rate
}

function versionsFrom(text: string): number {
  const parsed = settingsSchema.shape.send.unwrap().shape.versionsPerHour.safeParse(Number(text))
  if (!parsed.success) throw new InvalidArgumentError('It must be a whole number from 1 to 3600.')
  return parsed.data
}

function collectRules(text: string, before: SendRule[] = []): SendRule[] {
  const rule = parseRule(text)
  if (rule === null) throw new InvalidArgumentError('It must be like "mon-fri 08:00-18:00 1M".')
  if (before.length >= MOST_RULES) throw new InvalidArgumentError(`At most ${MOST_RULES} rules can be given.`)
  return [...before, rule]
}

async function limit(rate: number | null | undefined, options: LimitOptions): Promise<void> {
  const directory = resolveDataDirectory(options)
  if (options.rule !== undefined && options.rules === false) throw new WrongUsage('cli.limit.rulesOrNone')
  const schedule = options.rule ?? (options.rules === false ? [] : undefined)
  const { pauseOnBattery, pauseOnMetered, versionsPerHour } = options
  const send = { bytesPerSecond: rate, schedule, pauseOnBattery, pauseOnMetered, versionsPerHour }
  const changes = { send }
  const isQuestion = Object.values(send).every((one) => one === undefined)
  const settings = isQuestion
    ? await settingsNow(directory)
    : await changeSettings(directory, () => ({ command: 'changeSettings', input: changes }))
  const { retrySeconds: _, ...now } = settings.send
  if (options.json) return console.log(jsonText(now))
  console.log(now.bytesPerSecond === null ? translate('cli.limit.none') : rateText(now.bytesPerSecond))
  for (const rule of now.schedule) console.log(`  ${ruleText(rule)}`)
  if (now.pauseOnBattery) console.log(`  ${translate('cli.limit.onBattery')}`)
  if (now.pauseOnMetered) console.log(`  ${translate('cli.limit.onMetered')}`)
  if (now.versionsPerHour !== defaultSettings.send.versionsPerHour)
    console.log(`  ${translate('cli.limit.versions', { count: now.versionsPerHour })}`)
}
