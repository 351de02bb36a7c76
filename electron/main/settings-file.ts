import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { app, dialog } from 'electron'
import type { CommandHandlers, CommandOutput } from '../../core/agent/contract.ts'
import { LONGEST_SETTINGS } from '../../core/agent/parts/settings/contract.ts'
import { message } from '../../core/lib/i18n/message.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import type { Words } from '../../core/lib/i18n/words.ts'
import { replaceFile } from '../../core/platform/files.ts'
import { toReason } from '../../core/platform/system-error.ts'
import type { TrayWindow } from './window.ts'

const FILTERS = [{ name: 'JSON', extensions: ['json'] }]

interface Desk {
  handlers: CommandHandlers
  window: TrayWindow
  words(): Words
}

/**
 * Asks for a path and exports the settings; the result's path is null if the user cancels.
 * @throws UserError settings.notExported
 */
export async function exportSettings({
  handlers,
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
    await replaceFile(filePath, (await handlers.settingsText({})).text)
  } catch (error) {
    throw new UserError('settings.notExported', { file: filePath, reason: toReason(error) }, { cause: error })
  }
  return { path: filePath }
}

/**
 * Asks for a file and returns the changes that importing it would make, without making them; null if the user cancels.
 * @throws UserError settings.notImported, settings.newer, alert.channelInSettings
 */
export async function readSettings({
  handlers,
  window,
  words,
}: Desk): Promise<CommandOutput<'readSettings'>> {
  const { canceled, filePaths } = await dialog.showOpenDialog(window.browser, {
    title: words()(message('dialog.importSettings')),
    buttonLabel: words()(message('dialog.choose')),
    properties: ['openFile'],
    filters: FILTERS,
  })
  const [file] = filePaths
  if (canceled || file === undefined) return null
  return handlers.readSettingsText({ file, text: await readText(file) })
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file)
    if (size > LONGEST_SETTINGS) throw new Error(`${size} bytes`)
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new UserError('settings.notImported', { file, reason: toReason(error) }, { cause: error })
  }
}
