import { type BrowserWindow, ipcMain } from 'electron'
import type { z } from 'zod'
import { answerCommand, getAnswer } from '../../core/agent/answering.ts'
import { commands, type Events, type HandlersFor, type WindowCommands } from '../../core/agent/contract.ts'
import { desktopCommands } from '../../core/agent/desktop-contract.ts'
import { parseOrigin, WINDOW_ORIGIN } from './protocol.ts'

export type WindowHandlers = HandlersFor<keyof WindowCommands>

interface Schemas {
  input: z.ZodType
  output: z.ZodType
}

/**
 * Serves all commands of the contract, only to the window's own page, with input and output validated. The page may be
 * loaded before `ready` has resolved: its commands wait.
 */
export function serveWindow(ready: Promise<WindowHandlers>): void {
  const all: Record<string, Schemas> = { ...commands, ...desktopCommands }
  for (const [name, schemas] of Object.entries(all)) {
    ipcMain.handle(name, async (event, raw: unknown) => {
      const { senderFrame } = event
      // Only the top frame of Holdfast's own page may send commands (Electron's security checklist, item 17).
      if (
        senderFrame === null ||
        senderFrame.parent !== null ||
        parseOrigin(senderFrame.url) !== WINDOW_ORIGIN
      ) {
        throw new Error(`${name} was asked for by a page that may not`)
      }
      const handler = (await ready)[name as keyof WindowCommands]
      // Electron would only pass on an Error's English text. Defects are logged with their stack.
      const log = (error: unknown) => console.error(`The command ${name} failed:`, error)
      return getAnswer(() => answerCommand(name, schemas, handler, raw), log)
    })
  }
}

export function sendEvent<E extends keyof Events>(window: BrowserWindow, event: E, payload: Events[E]): void {
  if (window.isDestroyed()) return
  window.webContents.send(event, payload)
}
