import { type Command, InvalidArgumentError } from 'commander'
import { defaultSettings, MOST_RULES, type SendRule } from '../../core/settings/schema.ts'
import { inData, withDataDirectory } from '../ask/data-directory.ts'
import { changeSettings, settingsNow } from '../ask/settings-change.ts'
import { jsonText } from '../terminal/json.ts'
import { type NONE, toSetting } from '../terminal/option-words.ts'
import { parserOf } from '../terminal/setting-words.ts'
import { translate } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'
import { parseRule, rateText, ruleText } from './send-rule.ts'

interface LimitOptions {
  json?: boolean
  /** false for --no-rules. */
  rules?: false
  rule?: SendRule[]
  /** false for --no-pause-on-…; absent if unchanged. */
  pauseOnBattery?: boolean
  pauseOnMetered?: boolean
  versionsPerHour?: number
}

/** `holdfast settings limit`: prints or changes the rate limit of sending and its weekly schedule. */
export function registerLimit(settings: Command): void {
  const command = settings
    .command('limit')
    .description('show or change how fast and at which times files are sent')
    .argument(
      '[rate]',
      'bytes a second where no rule applies: 500K, 10M, or none',
      parserOf('send.bytesPerSecond'),
    )
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
      parserOf('send.versionsPerHour'),
    )
    .option('--json', 'print the limit as JSON, as the settings file has it')
  withDataDirectory(command).action(inData(limit))
}

function collectRules(text: string, before: SendRule[] = []): SendRule[] {
  const rule = parseRule(text)
  if (rule === null) throw new InvalidArgumentError('It must be like "mon-fri 08:00-18:00 1M".')
  if (before.length >= MOST_RULES) throw new InvalidArgumentError(`At most ${MOST_RULES} rules can be given.`)
  return [...before, rule]
}

async function limit(
  directory: string,
  rate: number | typeof NONE | undefined,
  options: LimitOptions,
): Promise<void> {
  if (options.rule !== undefined && options.rules === false) throw new WrongUsage('cli.limit.rulesOrNone')
  const schedule = options.rule ?? (options.rules === false ? [] : undefined)
  const { pauseOnBattery, pauseOnMetered, versionsPerHour } = options
  const send = { bytesPerSecond: toSetting(rate), schedule, pauseOnBattery, pauseOnMetered, versionsPerHour }
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
