import { type BrowserWindow, ipcMain } from 'electron'
import type { z } from 'zod'
import {
  type CommandInput,
  type CommandOutput,
  commands,
  desktopCommands,
  type Events,
  events,
  type WindowCommands,
} from '../../core/agent/contract.ts'
import { originOf, WINDOW_ORIGIN } from './protocol.ts'

export type WindowHandlers = {
  [C in keyof WindowCommands]: (input: CommandInput<C>) => Promise<CommandOutput<C>>
}

/** Every command of the contract, validated both ways, from the window's own page alone. */
export function serveWindow(handlers: WindowHandlers): void {
  const all: Record<string, { input: z.ZodType; output: z.ZodType }> = { ...commands, ...desktopCommands }
  for (const [name, { input, output }] of Object.entries(all)) {
    const handler = handlers[name as keyof WindowCommands] as (input: unknown) => Promise<unknown>
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
      return output.parse(await handler(input.parse(raw)))
    })
  }
}

export function sendEvent<E extends keyof Events>(window: BrowserWindow, event: E, payload: Events[E]): void {
  if (window.isDestroyed()) return
  window.webContents.send(event, events[event].parse(payload))
}
