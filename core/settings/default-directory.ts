import { existsSync, mkdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { keepOthersOut } from '../platform/owner-only.ts'
import { errorCode } from '../platform/system-error.ts'

// Separate from data-directory.ts, because the tray icon is shown only after everything imported here is loaded.

/**
 * Returns Holdfast's data directory: HOLDFAST_HOME if set, otherwise the system's directory for application data (XDG
 * Base Directory Specification on Linux). The desktop and the command line share it.
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
 * Creates a directory readable by its owner only, and its missing parents one by one. The recursive mkdir of node:fs
 * never returns if creating a directory fails with ENOENT although its parent exists, as in /proc.
 */
export function makeDirectory(directory: string): void {
  const parent = path.dirname(directory)
  if (!existsSync(parent)) makeDirectory(parent)
  try {
    mkdirSync(directory, { mode: 0o700 })
    keepOthersOut(directory)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST' || !statSync(directory).isDirectory()) throw error
  }
}
