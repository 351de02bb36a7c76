// The least that an application with a tray icon and a window can be: what Electron itself costs.
const { app, BrowserWindow, nativeImage, Tray } = require('electron')
const path = require('node:path')

app.whenReady().then(() => {
  const icon = path.join(__dirname, '..', '..', '..', 'assets', 'tray', 'ok.png')
  global.tray = new Tray(nativeImage.createFromPath(icon))
  global.tray.setToolTip('bare')
  const window = new BrowserWindow({ width: 400, height: 640, webPreferences: { sandbox: true } })
  window.loadURL('data:text/html,<button>Add folder</button>')
})
