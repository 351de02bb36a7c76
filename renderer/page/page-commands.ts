import type { CommandOutput } from '../../core/agent/contract.ts'
import type { WordKey } from '../../core/lib/i18n/message.ts'
import type { PageHandlers } from './page-bridge.ts'
import type { PageServer } from './page-server.ts'

/** Dialogs and downloads of the browser. */
export interface PageHost {
  /** Asks for a folder of the agent's computer; null: cancelled. */
  chooseFolder(title: WordKey): Promise<string | null>
  /** Asks for a file of the person's own computer; null: cancelled. */
  chooseFile(): Promise<File | null>
  /** Saves a file where the browser saves downloads. */
  download(name: string, content: Blob): void
}

const cancelled = { path: null }

/** The counterpart of electron/main/desktop-commands.ts in a browser. */
export function createPageHandlers(server: PageServer, host: PageHost): PageHandlers {
  /** Asks for a folder, which the command then adds. */
  const addChosen = async (title: WordKey, command: 'addSource' | 'addCheckedPath') => {
    const path = await host.chooseFolder(title)
    if (path !== null) await server.call(command, { path })
    return {}
  }
  const downloadText = (name: string, text: string) => host.download(name, new Blob([text]))
  return {
    chooseSource: () => addChosen('dialog.chooseSource', 'addSource'),
    chooseCheckedPath: () => addChosen('dialog.chooseChecked', 'addCheckedPath'),
    // The browser only opens files of its own computer: a file's path is typed (PathButton).
    choosePath: async () => ({ path: await host.chooseFolder('dialog.chooseDirectory') }),
    saveKey: async ({ identity }) => {
      downloadText('holdfast-key.txt', `${identity}\n`)
      return {}
    },
    // A page does not learn where its browser saves a download, which the browser itself shows.
    exportSettings: async () => {
      const { text } = (await server.call('settingsText', {})) as CommandOutput<'settingsText'>
      downloadText('holdfast-settings.json', text)
      return cancelled
    },
    readSettings: async () => {
      const file = await host.chooseFile()
      if (file === null) return null
      const given = { file: file.name, text: await file.text() }
      return (await server.call('readSettingsText', given)) as CommandOutput<'readSettingsText'>
    },
    saveReport: async ({ period, format }) => {
      const { report } = (await server.call('report', { period })) as CommandOutput<'report'>
      const { renderReport } = await import('../features/report/render-report.ts')
      downloadText(`holdfast-${period}.${format}`, renderReport(report, format))
      return cancelled
    },
    saveManifest: async (input) => {
      const made = (await server.call('manifest', input)) as CommandOutput<'manifest'>
      const { texts, ...result } = made
      for (const { name, text } of texts) downloadText(name, text)
      return { ...result, ...cancelled }
    },
    saveDiagnostics: async () => {
      host.download('holdfast-diagnostics.zip', await server.getDiagnostics())
      return cancelled
    },
    showing: async () => ({}),
  }
}

/** Asks for a file by the browser's own dialog. */
export function chooseFile(): Promise<File | null> {
  const input = document.createElement('input')
  input.type = 'file'
  input.accept = 'application/json,.json'
  return new Promise((resolve) => {
    input.addEventListener('change', () => resolve(input.files?.[0] ?? null))
    input.addEventListener('cancel', () => resolve(null))
    input.click()
  })
}

/** Saves a file by the browser. */
export function download(name: string, content: Blob): void {
  const address = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  // Some browsers read it later.
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}
