// A browser for tests: `electron browser ADDRESS DOWNLOADS` shows a page in a sandboxed window without preload.
import path from 'node:path'
import { app, BrowserWindow } from 'electron'

const [address = '', downloads = ''] = process.argv.slice(-2)
app.setPath('userData', path.join(downloads, '.browser'))
void app.whenReady().then(() => {
  const window = new BrowserWindow({
    useContentSize: true,
    ...{ width: 400, height: 640 },
    webPreferences: { sandbox: true, contextIsolation: true, nodeIntegration: false },
  })
  window.webContents.session.on('will-download', (_event, item) =>
    item.setSavePath(path.join(downloads, item.getFilename())),
  )
  return window.loadURL(address)
})
app.on('window-all-closed', () => app.quit())
