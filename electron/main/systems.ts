import type { StatusLevel } from '../../core/agent/state/schema.ts'

// Differences between the guides of Linux, Windows and macOS for an application in the tray. The functions are pure:
// the tests call them for each system.

/**
 * Returns the file of a status level's tray image. Windows chooses the size for the screen's scale from an .ico; of
 * another file it would scale the smallest image. macOS colours a template image by itself: only its shape counts.
 * Sources: Electron's `Tray` and `nativeImage`; Apple's Human Interface Guidelines, "The menu bar".
 */
export function trayImage(level: StatusLevel, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'win32') return `${level}.ico`
  return platform === 'darwin' ? `${level}Template.png` : `${level}.png`
}

/** The program that Windows or macOS starts at login, and its arguments. macOS starts the application without them. */
export interface LoginItem {
  path: string
  args: string[]
}

/**
 * Returns the login item of a program. Electron writes the path into Windows' registry as it is: without quotes a path
 * with a space would start another program (electron/electron#32657).
 */
export function loginItem(program: string, args: string[], platform = process.platform): LoginItem {
  return { path: platform === 'win32' ? `"${program}"` : program, args }
}

/** The part of Electron's login item settings that is read here. */
export interface LoginItemState {
  openAtLogin: boolean
  /** Windows only. */
  executableWillLaunchAtLogin: boolean
}

/** True if the system starts the application at login. On Windows the user may have disabled it in the Task Manager. */
export function startsAtLogin(state: LoginItemState, platform = process.platform): boolean {
  return state.openAtLogin && (platform !== 'win32' || state.executableWillLaunchAtLogin)
}
