// Works the desktop's own file dialog with keyboard strokes, as a person would.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { ElectronApplication } from '@playwright/test'
import { until } from '../until.ts'

const run = promisify(execFile)
const output = async (command: string, words: string[]) =>
  (await run(command, words, { timeout: 20_000 })).stdout

/** The windows that the window manager looks after. */
async function windows(): Promise<string[]> {
  return (await output('xprop', ['-root', '_NET_CLIENT_LIST'])).match(/0x[0-9a-f]+/g) ?? []
}

/** The dialog window that is open now, if any. */
export async function openDialog(): Promise<{ id: string; title: string } | null> {
  for (const id of await windows()) {
    // A window may close while we look at it.
    const found = await output('xprop', ['-id', id, '_NET_WM_WINDOW_TYPE', '_NET_WM_NAME']).catch(() => '')
    if (found.includes('_NET_WM_WINDOW_TYPE_DIALOG')) {
      return { id, title: /_NET_WM_NAME.*? = "(.*)"/.exec(found)?.[1] ?? '' }
    }
  }
  return null
}

async function isFocused(id: string): Promise<boolean> {
  const active = (await output('xprop', ['-root', '_NET_ACTIVE_WINDOW'])).match(/0x[0-9a-f]+/)?.[0]
  return active !== undefined && Number(active) === Number(id)
}

async function keys(id: string, ...words: string[]): Promise<void> {
  if (!(await isFocused(id))) await run('xdotool', ['windowactivate', '--sync', id], { timeout: 20_000 })
  await run('xdotool', words, { timeout: 60_000 })
}

/** How long a confirmed dialog may take to close before it is filled in once more. */
const CLOSE_WITHIN_MS = 3_000

/** Waits for the directory dialog, types a path into it and confirms. Returns when the dialog is gone. */
export async function chooseDirectory(directory: string, withinMs = 60_000): Promise<void> {
  const { id } = await until('the directory dialog', openDialog, withinMs)
  const deadline = Date.now() + withinMs
  while (!(await isGone(id))) {
    if (Date.now() > deadline) throw new Error(`the dialog did not take ${directory} within ${withinMs} ms`)
    await fillIn(id, directory).catch(async (error) => {
      if (!(await isGone(id))) throw error
    })
    await until('the dialog to close', () => isGone(id), CLOSE_WITHIN_MS).catch(() => undefined)
  }
}

async function isGone(id: string): Promise<boolean> {
  return !(await windows()).includes(id)
}

async function fillIn(id: string, directory: string): Promise<void> {
  // In its list of recent places the dialog takes no path: away from there, then Ctrl-L for the entry.
  await keys(id, 'key', '--clearmodifiers', 'alt+Home')
  await keys(id, 'key', '--clearmodifiers', 'ctrl+l')
  await keys(id, 'key', '--clearmodifiers', 'ctrl+a')
  await keys(id, 'type', '--clearmodifiers', '--delay', '15', directory)
  // What the entry has completed by itself is selected behind the cursor: that is not what was meant.
  await keys(id, 'key', '--clearmodifiers', 'Delete')
  await keys(id, 'key', '--clearmodifiers', 'Return')
}

/** Closes the open dialog without choosing anything. */
export async function cancelDialog(withinMs = 60_000): Promise<void> {
  const { id } = await until('a dialog', openDialog, withinMs)
  await keys(id, 'key', '--clearmodifiers', 'Escape')
  await until('the dialog to close', () => isGone(id), withinMs)
}

/** Answers the desktop's own file dialogs from now on, for tests of what comes of it; null: as its Cancel does. */
export const answerDialogs = (application: ElectronApplication, ...files: (string | null)[]): Promise<void> =>
  application.evaluate(
    ({ dialog }, filePaths) => {
      const canceled = filePaths.length === 0
      dialog.showSaveDialog = async () => ({ canceled, filePath: filePaths[0] ?? '' })
      dialog.showOpenDialog = async () => ({ canceled, filePaths })
    },
    files.filter((file) => file !== null),
  )
