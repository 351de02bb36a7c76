import { app } from 'electron'
import manifest from '../../package.json' with { type: 'json' }
import { LINK_SCHEME } from './arguments.ts'

/** Of assets/desktop/holdfast.desktop, by which a Linux desktop finds the application's name and icon. */
const DESKTOP_FILE = 'holdfast.desktop'

/** The name and id that the desktop shows and keeps settings by. Must be called before the application is ready. */
export function introduce(): void {
  app.setName('Holdfast')
  // Only on Linux, and not in every Electron.
  if (process.platform === 'linux' && typeof app.setDesktopName === 'function')
    app.setDesktopName(DESKTOP_FILE)
  // As Windows knows the sender of a notification, and as the installer's shortcut has it.
  if (process.platform === 'win32') app.setAppUserModelId(manifest.appId)
  // On Linux the desktop file says it.
  if (process.platform !== 'linux' && app.isPackaged) app.setAsDefaultProtocolClient(LINK_SCHEME)
}
