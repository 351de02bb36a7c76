// A browser for tests: `electron browser ADDRESS DOWNLOADS CERTIFICATE` shows a page in a sandboxed window without
// preload. CERTIFICATE: the only certificate that is accepted (SHA-256, hexadecimal); '': those of the authorities.
import { X509Certificate } from 'node:crypto'
import path from 'node:path'
import { app, BrowserWindow, session } from 'electron'

const [address = '', downloads = '', certificate = ''] = process.argv.slice(-3)
app.setPath('userData', path.join(downloads, '.browser'))
void app.whenReady().then(() => {
  if (certificate !== '')
    session.defaultSession.setCertificateVerifyProc(({ certificate: shown }, decide) => {
      const { fingerprint256 } = new X509Certificate(shown.data)
      decide(fingerprint256.replaceAll(':', '').toLowerCase() === certificate ? 0 : -2)
    })
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
