import { lstat } from 'node:fs/promises'
import { UserError } from '../lib/i18n/user-error.ts'
import { errorCode, errorText, isGone } from '../platform/system-error.ts'

/** The system's own error name; null: it is SQLite's or Node's error, whose words say more. */
function systemCode(error: unknown): string | null {
  const code = errorCode(error)
  return code === null || code.startsWith('ERR_') ? null : code
}

/** What the system says of a store that is there. SQLite and Node say more in words than by their codes. */
export function storeFailed(store: string, error: unknown): UserError {
  const reason = systemCode(error) ?? errorText(error)
  return new UserError('store.failed', { path: store, reason }, { cause: error })
}

/** What `look` finds in a store; null: there is no such thing. @throws UserError store.failed where nobody can say. */
export async function orAbsent<T>(store: string, look: Promise<T>): Promise<T | null> {
  try {
    return await look
  } catch (error) {
    if (isGone(errorCode(error))) return null
    throw storeFailed(store, error)
  }
}

/** @param directory the store's root, or a directory in it. @throws UserError store.none, store.failed */
export async function requireDirectory(store: string, directory: string): Promise<void> {
  const stats = await orAbsent(store, lstat(directory))
  if (stats === null) throw new UserError('store.none', { path: store, reason: 'ENOENT' })
  if (!stats.isDirectory()) throw new UserError('store.none', { path: store, reason: 'ENOTDIR' })
}
