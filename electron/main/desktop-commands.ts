import { dialog, shell } from 'electron'
import type { Agent } from '../../core/agent/agent.ts'
import type { CommandHandlers } from '../../core/agent/commands.ts'
import type { CommandInput, CommandOutput, DesktopCommands, Outcome } from '../../core/agent/contract.ts'
import { message } from '../../core/words/message.ts'
import type { Words } from '../../core/words/words.ts'
import type { TrayWindow } from './window.ts'

export type DesktopHandlers = {
  [C in keyof DesktopCommands]: (input: CommandInput<C>) => Promise<CommandOutput<C>>
}

const DONE: Outcome = { done: true }

/** The commands that need a desktop: native dialogs, the file manager, the window itself. */
export function desktopHandlers(options: {
  agent: Agent
  handlers: CommandHandlers
  window: TrayWindow
  words(): Words
  quit(): void
}): DesktopHandlers {
  const { agent, handlers, window, words } = options
  const choose = async (title: string, property: 'openDirectory' | 'openFile') => {
    const chosen = await dialog.showOpenDialog(window.browser, {
      title,
      buttonLabel: words()(message('dialog.choose')),
      properties: [property],
    })
    return chosen.canceled ? null : (chosen.filePaths[0] ?? null)
  }
  return {
    chooseSource: async () => {
      const path = await choose(words()(message('dialog.chooseSource')), 'openDirectory')
      return path === null ? DONE : handlers.addSource({ path })
    },
    chooseCheckedPath: async () => {
      const path = await choose(words()(message('dialog.chooseChecked')), 'openDirectory')
      return path === null ? DONE : handlers.addCheckedPath({ path })
    },
    showDirectory: async ({ source }) => {
      const known = agent.settings.get().sources.find(({ id }) => id === source)
      const directory = source === null ? agent.layout.store : known?.path
      if (directory === undefined) return { done: false, sentence: message('refuse.noSource') }
      const failure = await shell.openPath(directory)
      if (failure === '') return DONE
      return { done: false, sentence: message('problem.other', { reason: failure }) }
    },
    showing: async ({ page }) => {
      window.showing(page)
      return DONE
    },
    hideWindow: async () => {
      window.hide()
      return DONE
    },
    quit: async () => {
      options.quit()
      return DONE
    },
  }
}
