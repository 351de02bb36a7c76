import path from 'node:path'
import { app, dialog } from 'electron'
import type { Agent } from '../../core/agent/agent.ts'
import type { CommandOutput } from '../../core/agent/contract.ts'
import { nameBuild } from '../../core/lib/build-name.ts'
import { message } from '../../core/lib/i18n/message.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import type { Words } from '../../core/lib/i18n/words.ts'
import { replaceFile } from '../../core/platform/files.ts'
import { toReason } from '../../core/platform/system-error.ts'
import type { TrayWindow } from './window.ts'

/**
 * Asks for a path and writes the diagnostics file; the result's path is null if the user cancels.
 * @throws UserError diagnostics.cannotWrite
 */
export async function saveDiagnostics(
  agent: Agent,
  window: TrayWindow,
  words: Words,
): Promise<CommandOutput<'saveDiagnostics'>> {
  const { canceled, filePath: file } = await dialog.showSaveDialog(window.browser, {
    title: words(message('dialog.saveDiagnostics')),
    defaultPath: path.join(app.getPath('home'), 'holdfast-diagnostics.zip'),
    filters: [{ name: 'Zip', extensions: ['zip'] }],
  })
  if (canceled || file === '') return { path: null }
  // Loaded on demand: it includes the archive packer.
  const { buildDiagnostics } = await import('../../core/agent/parts/diagnostics/diagnostics.ts')
  const { layout, store, secrets } = agent
  const { state } = store.snapshot()
  const zip = await buildDiagnostics({
    layout,
    state,
    secrets: secrets.get(),
    version: nameBuild(app.getVersion()),
  })
  try {
    await replaceFile(file, zip)
  } catch (error) {
    throw new UserError('diagnostics.cannotWrite', { file, reason: toReason(error) }, { cause: error })
  }
  return { path: file }
}
