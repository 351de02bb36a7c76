import { type BrowserWindow, ipcMain } from 'electron'
import type { z } from 'zod'
import { answerCommand, answerOf } from '../../core/agent/answering.ts'
import { commands, type Events, type HandlersOf, type WindowCommands } from '../../core/agent/contract.ts'
import { desktopCommands } from '../../core/agent/desktop-contract.ts'
import { originOf, WINDOW_ORIGIN } from './protocol.ts'

export type WindowHandlers = HandlersOf<keyof WindowCommands>

interface Schemas {
  input: z.ZodType
  output: z.ZodType
}

/**
 * Every command of the contract, validated both ways, from the window's own page alone. The page may be there before
 * `ready` has resolved: what it asks waits.
 */
export function serveWindow(ready: Promise<WindowHandlers>): void {
  const all: Record<string, Schemas> = { ...commands, ...desktopCommands }
  for (const [name, schemas] of Object.entries(all)) {
    ipcMain.handle(name, async (event, raw: unknown) => {
      const { senderFrame } = event
      // Only the top frame of Holdfast's own page may speak (Electron's security checklist, item 17).
      if (
        senderFrame === null ||
        senderFrame.parent !== null ||
        originOf(senderFrame.url) !== WINDOW_ORIGIN
      ) {
        throw new Error(`${name} was asked for by a page that may not`)
      }
      const handler = (await ready)[name as keyof WindowCommands]
      // Electron would pass on an Error's English text alone. The place of a defect is worth knowing.
      const log = (error: unknown) => console.error(`The command ${name} failed:`, error)
      return answerOf(() => answerCommand(name, schemas, handler, raw), log)
    })
  }
}

export function sendEvent<E extends keyof Events>(window: BrowserWindow, event: E, payload: Events[E]): void {
  if (window.isDestroyed()) return
  window.webContents.send(event, payload)
}
