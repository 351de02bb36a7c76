import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { Command } from 'commander'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { toReason } from '../../core/platform/system-error.ts'
import {
  isSettingKey,
  otherSettings,
  type PlainSetting,
  plainSettings,
  type SettingKey,
  settingKeys,
} from '../../core/settings/catalog.ts'
import { differences, LONGEST_PREVIEW, type SettingsDifference } from '../../core/settings/changes.ts'
import { createDataDirectory } from '../../core/settings/data-directory.ts'
import {
  exportedText,
  importedSettings,
  missingSecrets,
  withImported,
} from '../../core/settings/import-export.ts'
import type { ShownSettings } from '../../core/settings/schema.ts'
import { openSecrets } from '../../core/settings/secrets.ts'
import { getRange, getUsual, parseSetting, readSetting, toChanges } from '../../core/settings/values.ts'
import { getDataDirectory, inData, withDataDirectory } from '../ask/data-directory.ts'
import { changeSettings, settingsNow } from '../ask/settings-change.ts'
import { printFewer } from '../destinations/keep.ts'
import { registerLimit } from '../send/limit.ts'
import { registerProxy } from '../send/proxy.ts'
import { tableLines } from '../terminal/columns.ts'
import { writeGivenFile } from '../terminal/given-file.ts'
import { jsonText } from '../terminal/json.ts'
import { findNearest } from '../terminal/nearest.ts'
import { parsePath } from '../terminal/path-words.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { rangeText, valueText } from '../terminal/setting-words.ts'
import { about, listed, named, translate } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'
import { registerWeb } from './web.ts'

interface ImportOptions {
  yes?: boolean
  json?: boolean
}

/** `holdfast settings`: prints and changes single settings, exports all to a file, or imports them. */
export function registerSettings(program: Command): void {
  const command = program
    .command('settings')
    .description('list the settings of this computer, show one, or change it; export or import all of them')
    .argument('[key]', 'a setting, as the list names it: check.intervalSeconds')
    .argument('[value]', 'its new value: 10, 30s, 5m, 12h, 30d, 10M, on, off, none, 22:00-07:00, or default')
    .option('--json', 'print JSON, with ranges and defaults')
  withDataDirectory(command).action(
    (key: string | undefined, value: string | undefined, _: object, self: Command) =>
      plain(self, key, value, self.opts<{ json?: boolean }>().json ?? false),
  )
  registerLimit(command)
  registerProxy(command)
  registerWeb(command)
  withDataDirectory(
    command
      .command('export')
      .description('write all settings as JSON, without secrets')
      .argument('[file]', 'the file to write; without it they are printed', parsePath),
  ).action(inData(write))
  withDataDirectory(
    command
      .command('import')
      .description('show what the settings of a file would change here; with --yes, change it')
      .argument('<file>', 'the exported file', parsePath)
      .option('--yes', 'make these changes')
      .option('--json', 'print the changes as JSON'),
  ).action(inData(bringIn))
}

/** Lists all settings, shows one, or changes it. */
async function plain(
  self: Command,
  given: string | undefined,
  value: string | undefined,
  json: boolean,
): Promise<void> {
  const dataDirectory = getDataDirectory(self)
  if (given === undefined) {
    const now = await settingsNow(dataDirectory)
    if (json)
      return console.log(jsonText({ settings: settingKeys.map((key) => describeSetting(key, now)) }, 2))
    for (const line of listSettings(now)) console.log(line)
    return
  }
  const key = findKey(
    given,
    self.commands.map((command) => command.name()),
  )
  if (value === undefined) {
    const now = await settingsNow(dataDirectory)
    if (json) return console.log(jsonText(describeSetting(key, now), 2))
    const { label, hint, value: present, default: usual } = describeSetting(key, now)
    console.log(about(key, valueText(key, present)))
    console.log(about(label, hint))
    console.log(translate('cli.setting.range', { range: rangeText(key), usual: valueText(key, usual) }))
    return
  }
  const parsed = parseSetting(key, value)
  if (parsed === undefined)
    throw new WrongUsage('cli.setting.wrong', { key, given: value, range: rangeText(key) })
  let before: ShownSettings | null = null
  const after = await changeSettings(dataDirectory, (settings) => {
    before = settings
    return { command: 'changeSettings', input: toChanges(key, parsed) }
  })
  if (json) return console.log(jsonText(describeSetting(key, after), 2))
  if (before !== null) printFewer(before, after)
  console.log(about(key, valueText(key, readSetting(after, key))))
}

function describeSetting(key: SettingKey, settings: ShownSettings) {
  const { under, unit, isProposable = false }: PlainSetting = plainSettings[key]
  return {
    ...{ key, value: readSetting(settings, key), default: getUsual(key), unit: unit ?? null },
    ...{ part: translate(under), label: translate(`setting.${key}`), hint: translate(`setting.${key}.hint`) },
    ...{ range: getRange(key), proposable: isProposable },
  }
}

/** Returns the lines of all settings, below the headings of the window's parts. */
function listSettings(now: ShownSettings): string[] {
  const lines = tableLines(
    settingKeys.map((key) => {
      const { label, value, default: usual } = describeSetting(key, now)
      const isUsual = JSON.stringify(value) === JSON.stringify(usual)
      const isChanged = translate('cli.setting.changed', { usual: valueText(key, usual) })
      return [`  ${key}`, valueText(key, value), isUsual ? label : `${label} ${isChanged}`]
    }),
  )
  return settingKeys.flatMap((key, index) => {
    const { under } = plainSettings[key]
    const before = settingKeys[index - 1]
    const isFirst = before === undefined || plainSettings[before].under !== under
    return [...(isFirst ? [translate(under)] : []), lines[index] ?? '']
  })
}

/**
 * @param commands below `settings`: one of them may be meant.
 * @throws WrongUsage cli.setting.elsewhere, cli.setting.unknown
 */
function findKey(given: string, commands: readonly string[]): SettingKey {
  if (isSettingKey(given)) return given
  const other = Object.entries(otherSettings).find(
    ([name, command]) => command !== null && (given === name || given.startsWith(`${name}.`)),
  )
  if (other !== undefined) throw new WrongUsage('cli.setting.elsewhere', { given, command: String(other[1]) })
  const nearest = findNearest(given, [...commands, ...settingKeys])
  if (nearest === null) throw new WrongUsage('cli.setting.none', { given })
  throw new WrongUsage('cli.setting.unknown', { given, nearest })
}

async function write(dataDirectory: string, file: string | undefined): Promise<void> {
  const text = exportedText(await settingsNow(dataDirectory), hostname())
  if (file === undefined) {
    process.stdout.write(text)
    return
  }
  try {
    await writeGivenFile(file, text)
  } catch (error) {
    throw new UserError('settings.notExported', { file, reason: toReason(error) }, { cause: error })
  }
  console.log(translate('settings.exported', { file }))
}

async function bringIn(dataDirectory: string, file: string, { yes = false, json = false }: ImportOptions) {
  const imported = importedSettings(await readText(file), file, hostname())
  // On a new computer the import may come first.
  createDataDirectory(dataDirectory)
  const now = await settingsNow(dataDirectory)
  const next = withImported(now, imported)
  const changes = differences(now, next, LONGEST_PREVIEW)
  const missing = missingNames(dataDirectory, now, next)
  if (json) console.log(jsonText({ imported: yes, changes, missing }, 2))
  else for (const line of changes.map(formatDifference)) console.log(line)
  if (yes)
    await changeSettings(dataDirectory, () => ({ command: 'importSettings', input: { settings: imported } }))
  if (json) return
  if (missing.length > 0) {
    const names = named(missing)
    console.log(translate('settings.importMissing', { names }))
  }
  if (changes.length === 0) console.log(translate('settings.importNothing'))
  else console.log(translate(yes ? 'settings.imported' : 'settings.importAsk'))
}

/** Reads asynchronously: a pipe without a writer must not block signals. */
async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new UserError('settings.notImported', { file, reason: toReason(error) }, { cause: error })
  }
}

function missingNames(dataDirectory: string, now: ShownSettings, next: ShownSettings): string[] {
  const secrets = openSecrets(dataDirectory, null)
  return missingSecrets(now, next, secrets.get(), secrets.unreadable())
}

const signs = { added: '+', removed: '-', changed: '~' } as const

/** Formats a difference: `+ source photos`, `~ check.intervalSeconds: 10 -> 60`. */
export function formatDifference({ kind, change, name, details }: SettingsDifference): string {
  if (kind === 'setting')
    return details.length === 0
      ? `${signs[change]} ${name}`
      : about(`${signs[change]} ${name}`, details.join(' -> '))
  const what = `${signs[change]} ${translate(`cli.settings.${kind}`)} ${quoteControls(name)}`
  return details.length === 0 ? what : about(what, listed(details.map(quoteControls)))
}
