import path from 'node:path'
import { expect, test } from './desktop.ts'

const preload = path.resolve(import.meta.dirname, '../../out/preload/index.cjs')

test('another page with the same bridge is answered nothing, and every page is kept apart', async ({
  desktop,
}) => {
  const { holdfast } = await desktop.start()
  const found = await holdfast.application.evaluate(async ({ BrowserWindow }, script) => {
    const preferences = BrowserWindow.getAllWindows().map(({ webContents }) => {
      // Electron's types leave it out.
      const { getLastWebPreferences } = webContents as unknown as {
        getLastWebPreferences(): Record<string, unknown>
      }
      return getLastWebPreferences.call(webContents)
    })
    const other = new BrowserWindow({ show: false, webPreferences: { preload: script } })
    await other.loadURL('data:text/html,other')
    const ask = "window.holdfast.call('snapshot', {}).then(() => 'answered', () => 'refused')"
    const answer = await other.webContents.executeJavaScript(ask)
    other.destroy()
    return { preferences, answer }
  }, preload)
  expect(found.answer).toBe('refused')
  expect(found.preferences).toHaveLength(1)
  expect(found.preferences[0]).toMatchObject({
    contextIsolation: true,
    sandbox: true,
    nodeIntegration: false,
    nodeIntegrationInSubFrames: false,
    webviewTag: false,
    webSecurity: true,
    allowRunningInsecureContent: false,
  })
})
