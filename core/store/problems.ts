import { lstat } from 'node:fs/promises'
import { UserError } from '../lib/i18n/user-error.ts'
import { errorCode, errorText, isGone } from '../platform/system-error.ts'

/** Returns the system's error name; null: an error of SQLite or Node, whose message is clearer than its code. */
function systemCode(error: unknown): string | null {
  const code = errorCode(error)
  return code === null || code.startsWith('ERR_') ? null : code
}

/** Creates the error for a store that exists and cannot be used. */
export function createStoreError(store: string, error: unknown): UserError {
  const reason = systemCode(error) ?? errorText(error)
  return new UserError('store.failed', { path: store, reason }, { cause: error })
}

/** Returns the result of `look`; null: the file does not exist. @throws UserError store.failed for any other error */
export async function orAbsent<T>(store: string, look: Promise<T>): Promise<T | null> {
  try {
    return await look
  } catch (error) {
    if (isGone(errorCode(error))) return null
    throw createStoreError(store, error)
  }
}

/** Checks that a directory exists, the store's root or one in it. @throws UserError store.none, store.failed */
export async function requireDirectory(store: string, directory: string): Promise<void> {
  const stats = await orAbsent(store, lstat(directory))
  if (stats === null) throw new UserError('store.none', { path: store, reason: 'ENOENT' })
  if (!stats.isDirectory()) throw new UserError('store.none', { path: store, reason: 'ENOTDIR' })
}
