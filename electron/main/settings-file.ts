import { readFile, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import { app, dialog } from 'electron'
import type { Agent } from '../../core/agent/agent.ts'
import type { CommandOutput } from '../../core/agent/contract.ts'
import { message } from '../../core/lib/i18n/message.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import type { Words } from '../../core/lib/i18n/words.ts'
import { replaceFile } from '../../core/platform/files.ts'
import { toReason } from '../../core/platform/system-error.ts'
import { differences } from '../../core/settings/changes.ts'
import {
  exportedText,
  importedSettings,
  missingSecrets,
  withImported,
} from '../../core/settings/import-export.ts'
import type { TrayWindow } from './window.ts'

const FILTERS = [{ name: 'JSON', extensions: ['json'] }]
/** Bytes; settings with ten thousand paths take a tenth of it. */
const LONGEST_FILE = 32 * 1024 * 1024

interface Desk {
  agent: Agent
  window: TrayWindow
  words(): Words
}

/**
 * Asks for a path and exports the settings; the result's path is null if the user cancels.
 * @throws UserError settings.notExported
 */
export async function exportSettings({
  agent,
  window,
  words,
}: Desk): Promise<CommandOutput<'exportSettings'>> {
  const { canceled, filePath } = await dialog.showSaveDialog(window.browser, {
    title: words()(message('dialog.exportSettings')),
    defaultPath: path.join(app.getPath('home'), 'holdfast-settings.json'),
    filters: FILTERS,
  })
  if (canceled || filePath === '') return { path: null }
  try {
    await replaceFile(filePath, exportedText(agent.settings.get(), hostname()))
  } catch (error) {
    throw new UserError('settings.notExported', { file: filePath, reason: toReason(error) }, { cause: error })
  }
  return { path: filePath }
}

/**
 * Asks for a file and returns the changes that importing it would make, without making them; null if the user cancels.
 * @throws UserError settings.notImported, settings.newer, alert.channelInSettings
 */
export async function readSettings({ agent, window, words }: Desk): Promise<CommandOutput<'readSettings'>> {
  const { canceled, filePaths } = await dialog.showOpenDialog(window.browser, {
    title: words()(message('dialog.importSettings')),
    buttonLabel: words()(message('dialog.choose')),
    properties: ['openFile'],
    filters: FILTERS,
  })
  const [file] = filePaths
  if (canceled || file === undefined) return null
  const imported = importedSettings(await readText(file), file, hostname())
  const now = agent.settings.get()
  const next = withImported(now, imported)
  return {
    file,
    settings: imported,
    differences: differences(now, next),
    missing: missingSecrets(now, next, agent.secrets.get(), agent.secrets.unreadable()),
  }
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file)
    if (size > LONGEST_FILE) throw new Error(`${size} bytes`)
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new UserError('settings.notImported', { file, reason: toReason(error) }, { cause: error })
  }
}
