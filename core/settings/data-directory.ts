import { realpathSync } from 'node:fs'
import path from 'node:path'
import { UserError } from '../lib/i18n/user-error.ts'
import { type DirectoryLock, lockDirectory } from '../lib/workers/directory-lock.ts'
import { errorCode } from '../platform/system-error.ts'
import { makeDirectory } from './default-directory.ts'

/** The files and folders in a data directory, each named in this one place. */
export interface DataLayout {
  directory: string
  ledger: string
  history: string
  /** The outbox and the timeline of alerts. */
  alerts: string
  identity: string
  store: string
  /** Which stores a receiver has set up, a file for each. */
  setUpStores: string
  logs: string
}

/** The real path of the folder that files go to while no destination is set, which may not exist yet. */
export function realStoreOf({ directory, store }: DataLayout): string {
  return path.join(realpathSync(directory), path.basename(store))
}

/** What a person is told of a data directory that the system refuses; a UserError stays what it is. */
export function unusableData(directory: string, error: unknown): UserError {
  if (error instanceof UserError) return error
  const reason = errorCode(error) ?? String(error)
  return new UserError('data.cannotMake', { directory, reason }, { cause: error })
}

/**
 * Makes the data directory, readable by its owner alone; one that is there already keeps its permissions.
 * @throws UserError data.cannotMake
 */
export function openDataDirectory(directory: string): DataLayout {
  try {
    makeDirectory(path.resolve(directory))
  } catch (error) {
    throw unusableData(directory, error)
  }
  return layoutOf(directory)
}

/** Where things are in a data directory, which may not be there. */
export function layoutOf(directory: string): DataLayout {
  return {
    directory,
    ledger: path.join(directory, 'ledger.db'),
    history: path.join(directory, 'history.db'),
    alerts: path.join(directory, 'alerts.db'),
    identity: path.join(directory, 'identity'),
    store: path.join(directory, 'store'),
    setUpStores: path.join(directory, 'set-up-stores'),
    logs: path.join(directory, 'logs'),
  }
}

/**
 * Claims a data directory for this process; null: another one has it.
 * @throws UserError data.cannotMake
 */
export function lockData(directory: string): DirectoryLock | null {
  try {
    return lockDirectory(directory)
  } catch (error) {
    throw unusableData(directory, error)
  }
}
