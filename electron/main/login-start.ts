import { access, mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { app } from 'electron'
import { replaceFile } from '../../core/platform/replace-file.ts'
import { errorCode } from '../../core/platform/system-error.ts'
import { HIDDEN } from './arguments.ts'
import { autostartFileOf, desktopEntry } from './autostart-entry.ts'

/** Whether the system starts this application when its user logs in, without its window. */
export interface LoginStart {
  get(): Promise<boolean>
  /** @throws what the system says. */
  set(on: boolean): Promise<void>
}

/** What the system itself keeps is asked each time: a person may have changed it there. */
export function loginStart(): LoginStart {
  return process.platform === 'linux' ? autostartFile() : loginItem()
}

function loginItem(): LoginStart {
  const about = { path: process.execPath, args: [HIDDEN] }
  return {
    get: async () => app.getLoginItemSettings(about).openAtLogin,
    set: async (on) => app.setLoginItemSettings({ ...about, openAtLogin: on }),
  }
}

/** XDG autostart: a desktop entry in a directory of the user's, which every Linux desktop reads at login. */
function autostartFile(): LoginStart {
  const file = autostartFileOf(process.env)
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

/** What starts this very application again, with the data directory that it has now. */
function ownCommand(): string[] {
  const { APPIMAGE, HOLDFAST_HOME } = process.env
  const program = app.isPackaged ? [APPIMAGE ?? process.execPath] : [process.execPath, app.getAppPath()]
  const environment = HOLDFAST_HOME === undefined ? [] : ['env', `HOLDFAST_HOME=${HOLDFAST_HOME}`]
  return [...environment, ...program, HIDDEN]
}
