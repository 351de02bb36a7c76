import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { app, clipboard, dialog, type OpenDialogOptions, shell } from 'electron'
import type { Agent } from '../../core/agent/agent.ts'
import { runAction } from '../../core/agent/answering.ts'
import type { CommandHandlers, DesktopCommands, HandlersFor } from '../../core/agent/contract.ts'
import { message } from '../../core/lib/i18n/message.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import type { Words } from '../../core/lib/i18n/words.ts'
import { showComputer } from './computer-window.ts'
import { loginStart } from './login-start.ts'
import { isInside, openFile } from './open-file.ts'
import { saveDiagnostics } from './save-diagnostics.ts'
import { saveManifest } from './save-manifest.ts'
import { saveReport } from './save-report.ts'
import { exportSettings, readSettings } from './settings-file.ts'
import type { TrayWindow } from './window.ts'

/** A pairing code, or an address and a short one (core/protocol); LONGEST_CODE is the contract's limit in characters. */
const CODE = /^holdfast:\/\/|^\S+\s+[\dA-Za-z]{4}-?[\dA-Za-z]{4}$/
const LONGEST_CODE = 2_000

/** Returns the handlers of commands that need a desktop: native dialogs, the file manager, the window. */
export function desktopHandlers(options: {
  agent: Agent
  handlers: CommandHandlers
  window: TrayWindow
  words(): Words
  quit(): void
}): HandlersFor<keyof DesktopCommands> {
  const { agent, handlers, window, words } = options
  const login = loginStart()
  const chooseAll = async (title: string, ...properties: OpenDialogOptions['properties'] & object) => {
    const buttonLabel = words()(message('dialog.choose'))
    const chosen = await dialog.showOpenDialog(window.browser, { title, buttonLabel, properties })
    return chosen.canceled ? [] : chosen.filePaths
  }
  const choose = async (title: string, property: 'openDirectory' | 'openFile') =>
    (await chooseAll(title, property))[0] ?? null
  return {
    chooseSource: async () => {
      const title = words()(message('dialog.chooseSource'))
      const paths = await chooseAll(title, 'openDirectory', 'multiSelections')
      const added = await Promise.allSettled(paths.map((path) => handlers.addSource({ path })))
      // All others are added: the person sees them, and the first reason.
      for (const one of added) if (one.status === 'rejected') throw one.reason
      return {}
    },
    chooseCheckedPath: async () => {
      const path = await choose(words()(message('dialog.chooseChecked')), 'openDirectory')
      return path === null ? {} : handlers.addCheckedPath({ path })
    },
    choosePath: async ({ what }) => ({
      path: await choose(
        words()(message(what === 'file' ? 'dialog.chooseFile' : 'dialog.chooseDirectory')),
        what === 'file' ? 'openFile' : 'openDirectory',
      ),
    }),
    saveKey: ({ identity }) => runAction(() => saveKey(window, identity, words())),
    exportSettings: () => exportSettings(options),
    readSettings: () => readSettings(options),
    loginStart: async () => ({ on: await login.get() }),
    setLoginStart: ({ on }) => runAction(() => login.set(on)),
    copiedCode: async () => {
      const copied = (await clipboard.readText()).trim()
      return { code: copied.length <= LONGEST_CODE && CODE.test(copied) ? copied : null }
    },
    saveReport: (input) => saveReport(options, input),
    saveManifest: (input) => saveManifest(options, input),
    compareList: (input) =>
      runAction(async () => {
        const file = await choose(words()(message('dialog.chooseManifest')), 'openFile')
        if (file !== null) agent.comparing.start(input, file)
      }),
    stopComparing: () => runAction(() => agent.comparing.stop()),
    saveDiagnostics: () => saveDiagnostics(agent, window, words()),
    showRestored: async () => {
      const restored = agent.store.state.restore
      if (restored === null) throw new UserError('refuse.noSource')
      if (restored.to !== null) shell.showItemInFolder(restored.to)
      return {}
    },
    viewStored: async ({ destination, computer = null, ...content }) => {
      const { path: file } = await agent.restores.ask('view', { destination, computer }, content)
      return openFile(file, path.dirname(file), 'restore.notViewed')
    },
    openFile: async ({ source, path: relative, inFolder }) => {
      const root = agent.settings.get().sources.find(({ id }) => id === source)?.path
      const file = path.resolve(root ?? '', relative)
      if (root === undefined || !isInside(file, root)) throw new UserError('refuse.noSource')
      if (!inFolder) return openFile(file, root, 'refuse.notOpened')
      shell.showItemInFolder(file)
      return {}
    },
    showDirectory: async ({ source }) => {
      const known = agent.settings.get().sources.find(({ id }) => id === source)
      const directory = source === null ? agent.layout.store : known?.path
      if (directory === undefined) throw new UserError('refuse.noSource')
      return show(directory)
    },
    openComputer: ({ id }) =>
      runAction(async () => {
        const computer = agent.settings.get().computers.find((one) => one.id === id)
        if (computer === undefined) throw new UserError('computer.unknown', { id })
        await showComputer(app.getAppPath(), computer, agent.secrets.get()[id]?.token ?? '')
      }),
    showing: (seen) => runAction(() => window.showing(seen)),
    hideWindow: () => runAction(() => window.hide()),
    quit: () => runAction(() => options.quit()),
  }
}

async function show(directory: string): Promise<Record<string, never>> {
  const reason = await shell.openPath(directory)
  if (reason !== '') throw new UserError('problem.other', { reason })
  return {}
}

/** Saves the private key. It decrypts everything at the destination, so only this user may read the file. */
async function saveKey(window: TrayWindow, identity: string, words: Words): Promise<void> {
  const { canceled, filePath } = await dialog.showSaveDialog(window.browser, {
    title: words(message('dialog.saveKey')),
    defaultPath: path.join(app.getPath('home'), 'holdfast-key.txt'),
  })
  if (!canceled && filePath !== '') await writeFile(filePath, `${identity}\n`, { mode: 0o600 })
}
