import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { Command } from 'commander'
import { UserError } from '../core/lib/i18n/user-error.ts'
import { toReason } from '../core/platform/system-error.ts'
import { differences, LONGEST_PREVIEW, type SettingsDifference } from '../core/settings/changes.ts'
import { openDataDirectory } from '../core/settings/data-directory.ts'
import {
  exportedText,
  importedSettings,
  missingSecrets,
  withImported,
} from '../core/settings/import-export.ts'
import type { ShownSettings } from '../core/settings/schema.ts'
import { openSecrets } from '../core/settings/secrets.ts'
import { getDataDirectory, withDataDirectory } from './data-directory.ts'
import { writeGivenFile } from './given-file.ts'
import { jsonText } from './json.ts'
import { parsePath } from './path-words.ts'
import { quoteControls } from './quote-controls.ts'
import { changeSettings, settingsNow } from './settings-change.ts'
import { about, listed, named, translate } from './terminal-words.ts'

interface ImportOptions {
  yes?: boolean
  json?: boolean
}

/** `holdfast settings`: exports all settings to a file, or imports them. */
export function registerSettings(program: Command): void {
  const command = program
    .command('settings')
    .description('export all settings as a file, or import such a file; secrets are never in it')
  withDataDirectory(command)
  withDataDirectory(
    command
      .command('export')
      .description('write the settings as JSON')
      .argument('[file]', 'the file to write; without it they are printed', parsePath),
  ).action((file: string | undefined, _: object, self: Command) => write(getDataDirectory(self), file))
  withDataDirectory(
    command
      .command('import')
      .description('show what the settings of a file would change here; with --yes, change it')
      .argument('<file>', 'the exported file', parsePath)
      .option('--yes', 'make these changes')
      .option('--json', 'print the changes as JSON'),
  ).action((file: string, options: ImportOptions, self: Command) =>
    bringIn(getDataDirectory(self), file, options),
  )
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
  openDataDirectory(dataDirectory)
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
