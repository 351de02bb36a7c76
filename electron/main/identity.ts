import { app } from 'electron'
import manifest from '../../package.json' with { type: 'json' }
import { LINK_SCHEME } from './arguments.ts'

/** The name of assets/desktop/holdfast.desktop, by which a Linux desktop finds the application's name and icon. */
const DESKTOP_FILE = 'holdfast.desktop'

/** Sets the name and id under which the desktop shows the application. Must be called before `app` is ready. */
export function introduce(): void {
  app.setName('Holdfast')
  // Linux only, and not in every Electron.
  if (process.platform === 'linux' && typeof app.setDesktopName === 'function')
    app.setDesktopName(DESKTOP_FILE)
  // Windows identifies the sender of a notification by it; the installer's shortcut has the same id.
  if (process.platform === 'win32') app.setAppUserModelId(manifest.appId)
  // On Linux the desktop file registers the scheme.
  if (process.platform !== 'linux' && app.isPackaged) app.setAsDefaultProtocolClient(LINK_SCHEME)
}
