import { existsSync, mkdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { errorCode } from '../platform/system-error.ts'

// Apart from data-directory.ts: the tray icon waits for what this file brings along, and for nothing else.

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

/**
 * Makes a directory that its owner alone can read, step by step from what is there: node:fs's recursive mkdir never
 * returns where a directory's making fails with ENOENT although its parent exists, as in /proc.
 */
export function makeDirectory(directory: string): void {
  const parent = path.dirname(directory)
  if (!existsSync(parent)) makeDirectory(parent)
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    if (errorCode(error) !== 'EEXIST' || !statSync(directory).isDirectory()) throw error
  }
}
