import { realpathSync } from 'node:fs'
import path from 'node:path'
import { UserError } from '../lib/i18n/user-error.ts'
import { type DirectoryLock, lockDirectory } from '../lib/workers/directory-lock.ts'
import { errorCode } from '../platform/system-error.ts'
import { makeDirectory } from './default-directory.ts'

/**
 * The files and directories in a data directory that several parts use. The settings, the secrets, the remembered mounts
 * and the socket are named by their modules.
 */
export interface DataLayout {
  directory: string
  ledger: string
  history: string
  /** The outbox and the timeline of alerts. */
  alerts: string
  identity: string
  /** Settings that receivers have proposed. */
  proposals: string
  store: string
  /** Directory with one file for each store that a receiver has set up. */
  setUpStores: string
  logs: string
  /** Directory of the contents that are on their way from one destination to another. */
  healing: string
}

/** Codes of calls that a file system does not have. */
const UNSUPPORTED = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL'])

/** Returns the real path of the folder that receives files while no destination is set. It may not exist yet. */
export function resolveStore({ directory, store }: DataLayout): string {
  return path.join(realpathSync(directory), path.basename(store))
}

/**
 * Returns the error for a data directory that the system refuses to use; a UserError is returned unchanged.
 * @param lacking further codes of calls that its file system lacks
 */
export function unusableData(directory: string, error: unknown, ...lacking: string[]): UserError {
  if (error instanceof UserError) return error
  const reason = errorCode(error) ?? String(error)
  if (UNSUPPORTED.has(reason) || lacking.includes(reason))
    return new UserError('data.otherFileSystem', { directory, reason }, { cause: error })
  return new UserError('data.cannotMake', { directory, reason }, { cause: error })
}

/**
 * Creates the data directory, readable by its owner only. An existing one keeps its permissions.
 * @throws UserError data.cannotMake
 */
export function createDataDirectory(directory: string): DataLayout {
  try {
    makeDirectory(path.resolve(directory))
  } catch (error) {
    throw unusableData(directory, error)
  }
  return getDataLayout(directory)
}

/** Returns the paths in a data directory, which may not exist. */
export function getDataLayout(directory: string): DataLayout {
  return {
    directory,
    ledger: path.join(directory, 'ledger.db'),
    history: path.join(directory, 'history.db'),
    alerts: path.join(directory, 'alerts.db'),
    identity: path.join(directory, 'identity'),
    proposals: path.join(directory, 'proposals.json'),
    store: path.join(directory, 'store'),
    setUpStores: path.join(directory, 'set-up-stores'),
    logs: path.join(directory, 'logs'),
    healing: path.join(directory, 'healing'),
  }
}

/**
 * Locks a data directory for this process; null: another process has locked it.
 * @throws UserError data.cannotMake
 */
export function lockData(directory: string): DirectoryLock | null {
  try {
    return lockDirectory(directory)
  } catch (error) {
    throw unusableData(directory, error)
  }
}
