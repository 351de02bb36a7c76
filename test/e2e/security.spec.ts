import path from 'node:path'
import { expect, test } from './desktop.ts'

const preload = path.resolve(import.meta.dirname, '../../out/preload/index.cjs')

test('page bridge: a foreign page with the same bridge is refused, and each page is isolated', {
  tag: '@story',
}, async ({ desktop }) => {
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

test('page bridge: a foreign page that frames ours is refused, and no page attaches a web view', async ({
  desktop,
}) => {
  const { holdfast, page } = await desktop.start()
  // An answer without a policy of its own, so that a frame may have it.
  const style = await page.locator('link[rel=stylesheet]').first().getAttribute('href')
  const framed = new URL(style ?? '', page.url()).href
  const found = await holdfast.application.evaluate(
    async ({ BrowserWindow }, { script, address }) => {
      const other = new BrowserWindow({
        show: false,
        webPreferences: { preload: script, nodeIntegrationInSubFrames: true, webviewTag: true },
      })
      let attached = false
      other.webContents.on('did-attach-webview', () => {
        attached = true
      })
      await other.loadURL(
        `data:text/html,<iframe src="${address}"></iframe><webview src="about:blank"></webview>`,
      )
      const [frame] = other.webContents.mainFrame.frames.filter(({ url }) => url === address)
      const ask = "window.holdfast.call('snapshot', {}).then(() => 'answered', () => 'refused')"
      const answer = await frame?.executeJavaScript(ask)
      other.destroy()
      return { answer, attached }
    },
    { script: preload, address: framed },
  )
  expect(found).toEqual({ answer: 'refused', attached: false })
})
