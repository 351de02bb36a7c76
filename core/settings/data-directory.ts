import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'

/**
 * Where Holdfast keeps its own things: HOLDFAST_HOME if set, else the system's place for an application's
 * data (XDG Base Directory Specification on Linux). The desktop and the command line share it.
 */
export function defaultDataDirectory(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  if (env.HOLDFAST_HOME) return path.resolve(env.HOLDFAST_HOME)
  if (platform === 'darwin') return path.join(homedir(), 'Library', 'Application Support', 'Holdfast')
  if (platform === 'win32') {
    return path.join(env.LOCALAPPDATA ?? path.join(homedir(), 'AppData', 'Local'), 'Holdfast')
  }
  return path.join(env.XDG_DATA_HOME || path.join(homedir(), '.local', 'share'), 'holdfast')
}

/** The files and folders in a data directory, each named in this one place. */
export interface DataLayout {
  directory: string
  ledger: string
  history: string
  identity: string
  store: string
  logs: string
}

/** Makes the data directory, readable by its owner alone (it holds a private key). */
export function openDataDirectory(directory: string): DataLayout {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return {
    directory,
    ledger: path.join(directory, 'ledger.db'),
    history: path.join(directory, 'history.db'),
    identity: path.join(directory, 'identity'),
    store: path.join(directory, 'store'),
    logs: path.join(directory, 'logs'),
  }
}
