import { access, mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { app } from 'electron'
import { replaceFile } from '../../core/platform/files.ts'
import { errorCode } from '../../core/platform/system-error.ts'
import { HIDDEN } from './arguments.ts'
import { desktopEntry, getAutostartFile } from './autostart-entry.ts'
import { loginItem, startsAtLogin } from './systems.ts'

/** Reads and sets whether the system starts the application, hidden, at the user's login. */
export interface LoginStart {
  get(): Promise<boolean>
  /** @throws the system's error. */
  set(on: boolean): Promise<void>
}

/** Reads the system's setting each time: the user may have changed it there. */
export function loginStart(): LoginStart {
  return process.platform === 'linux' ? autostartFile() : electronLoginItem()
}

function electronLoginItem(): LoginStart {
  const item = loginItem(process.execPath, [HIDDEN])
  return {
    get: async () => startsAtLogin(app.getLoginItemSettings(item)),
    set: async (on) => app.setLoginItemSettings({ ...item, openAtLogin: on }),
  }
}

/** XDG autostart: a desktop entry in a directory of the user, which every Linux desktop reads at login. */
function autostartFile(): LoginStart {
  const file = getAutostartFile(process.env)
  return {
    async get() {
      try {
        await access(file)
        return true
      } catch (error) {
        if (errorCode(error) === 'ENOENT') return false
        throw error
      }
    },
    async set(on) {
      if (!on) return rm(file, { force: true })
      await mkdir(path.dirname(file), { recursive: true })
      await replaceFile(file, desktopEntry(ownCommand()), 0o644)
    },
  }
}

/** Returns the command that starts this application with the present data directory. */
function ownCommand(): string[] {
  const { APPIMAGE, HOLDFAST_HOME } = process.env
  const program = app.isPackaged ? [APPIMAGE ?? process.execPath] : [process.execPath, app.getAppPath()]
  const environment = HOLDFAST_HOME === undefined ? [] : ['env', `HOLDFAST_HOME=${HOLDFAST_HOME}`]
  return [...environment, ...program, HIDDEN]
}
