import { app } from 'electron'
import { LINK_SCHEME } from './arguments.ts'

/** Of assets/desktop/holdfast.desktop, by which a Linux desktop finds the application's name and icon. */
const DESKTOP_FILE = 'holdfast.desktop'
/** As Windows knows the sender of a notification. */
const MODEL_ID = 'Holdfast.Holdfast'

/** The name and id that the desktop shows and keeps settings by. Must be called before the application is ready. */
export function introduce(): void {
  app.setName('Holdfast')
  // Only on Linux, and not in every Electron.
  if (process.platform === 'linux' && typeof app.setDesktopName === 'function')
    app.setDesktopName(DESKTOP_FILE)
  if (process.platform === 'win32') app.setAppUserModelId(MODEL_ID)
  // On Linux the desktop file says it.
  if (process.platform !== 'linux' && app.isPackaged) app.setAsDefaultProtocolClient(LINK_SCHEME)
}
