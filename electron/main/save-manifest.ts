import path from 'node:path'
import { app, dialog } from 'electron'
import type { Agent } from '../../core/agent/agent.ts'
import type { CommandInput, CommandOutput } from '../../core/agent/contract.ts'
import { message } from '../../core/lib/i18n/message.ts'
import type { Words } from '../../core/lib/i18n/words.ts'
import { getFormKind } from '../../core/platform/fixity-kinds.ts'
import { folderName } from '../../core/protocol/names.ts'
import { getSource } from '../../core/settings/changes.ts'
import type { TrayWindow } from './window.ts'

/**
 * Asks for a new file, or for the directory of a bag or an RO-Crate, and writes the manifest there; null: the user cancels.
 * @throws UserError refuse.noSource, fixity.notWritten, fixity.busy
 */
export async function saveManifest(
  { agent, window, words }: { agent: Agent; window: TrayWindow; words(): Words },
  input: CommandInput<'saveManifest'>,
): Promise<CommandOutput<'saveManifest'>> {
  const { form } = input
  const name = folderName(getSource(agent.settings.get(), input.id).name)
  const isTree = form === 'bagit' || form === 'ro-crate'
  const to = isTree
    ? await chooseDirectory(window, words())
    : await chooseFile(window, words(), `${name}-${getFormKind(form)}sums.txt`)
  if (to === null) return null
  return { ...(await agent.manifests.save(input, to)), path: to }
}

async function chooseFile(window: TrayWindow, words: Words, name: string): Promise<string | null> {
  const { canceled, filePath } = await dialog.showSaveDialog(window.browser, {
    title: words(message('dialog.saveManifest')),
    defaultPath: path.join(app.getPath('home'), name),
  })
  return canceled || filePath === '' ? null : filePath
}

async function chooseDirectory(window: TrayWindow, words: Words): Promise<string | null> {
  const { canceled, filePaths } = await dialog.showOpenDialog(window.browser, {
    title: words(message('dialog.saveManifestIn')),
    properties: ['openDirectory', 'createDirectory'],
  })
  return canceled ? null : (filePaths[0] ?? null)
}
