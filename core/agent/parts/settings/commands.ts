import { UserError } from '../../../lib/i18n/user-error.ts'
import { differences, LONGEST_PREVIEW, withSettingsChanged } from '../../../settings/changes.ts'
import {
  exportedText,
  importedSettings,
  missingSecrets,
  withImported,
} from '../../../settings/import-export.ts'
import { secretsOfProxy } from '../../../settings/proxy.ts'
import type { Settings } from '../../../settings/schema.ts'
import { getStorePaths, refusedSources } from '../../accept-path.ts'
import { type HandlersOf, runAction } from '../../answering.ts'
import type { CommandInput, CommandOutput } from '../../contract.ts'
import { type SettingsContext, setterFor } from '../../settings-context.ts'
import type { settingsContract } from './contract.ts'

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function settingsHandlers(context: SettingsContext) {
  const set = setterFor(context)
  return {
    settingsText: async () => ({ text: exportedText(context.settings.get(), context.computerName) }),
    readSettingsText: async (input) => readSettingsText(context, input),
    setProxy: ({ proxy, secrets: given }) =>
      runAction(() => {
        const { id } = secretsOfProxy(proxy)
        context.change((settings) => ({ ...settings, proxy }), { id, values: given })
      }),
    changeSettings: (changes) => set((settings) => withSettingsChanged(settings, changes)),
    importSettings: (input) => runAction(() => importSettings(context, input.settings)),
  } satisfies HandlersOf<typeof settingsContract>
}

/**
 * Returns the changes that importing a settings text would make, without making them.
 * @throws UserError settings.notImported, settings.newer, settings.notSettings, alert.channelInSettings
 */
function readSettingsText(
  { settings, secrets, computerName }: SettingsContext,
  { text, file }: CommandInput<'readSettingsText'>,
): CommandOutput<'readSettingsText'> {
  const imported = importedSettings(text, file, computerName)
  const now = settings.get()
  const next = withImported(now, imported)
  return {
    file,
    settings: imported,
    differences: differences(now, next, LONGEST_PREVIEW),
    missing: missingSecrets(now, next, secrets.get(), secrets.unreadable()),
  }
}

/**
 * Replaces all settings.
 * @throws UserError refuse.…, alert.channelInSettings; the settings are then unchanged
 */
function importSettings(context: SettingsContext, imported: Settings): void {
  const [refusal] = refusedSources(imported.sources, getStorePaths(imported, context.layout)).values()
  if (refusal !== undefined) throw new UserError(refusal.key, refusal.params)
  context.change((settings) => withImported(settings, imported))
}
