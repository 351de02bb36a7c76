import { lstat } from 'node:fs/promises'
import { Problem } from '../lib/i18n/problem.ts'
import { errorCode, errorText, isGone } from '../platform/system-error.ts'

/** The system's own error name; null: it is SQLite's or Node's error, whose words say more. */
function systemCode(thrown: unknown): string | null {
  const code = errorCode(thrown)
  return code === null || code.startsWith('ERR_') ? null : code
}

/** What the system says of a store that is there. SQLite and Node say more in words than by their codes. */
export function storeFailed(store: string, thrown: unknown): Problem {
  const reason = systemCode(thrown) ?? errorText(thrown)
  return new Problem('store.failed', { path: store, reason }, { cause: thrown })
}

/** What `look` finds in a store; null: there is no such thing. @throws Problem store.failed where nobody can say. */
export async function orAbsent<T>(store: string, look: Promise<T>): Promise<T | null> {
  try {
    return await look
  } catch (thrown) {
    if (isGone(errorCode(thrown))) return null
    throw storeFailed(store, thrown)
  }
}

/** @param directory the store's root, or a directory in it. @throws Problem store.none, store.failed */
export async function requireDirectory(store: string, directory: string): Promise<void> {
  const stats = await orAbsent(store, lstat(directory))
  if (stats === null) throw new Problem('store.none', { path: store, reason: 'ENOENT' })
  if (!stats.isDirectory()) throw new Problem('store.none', { path: store, reason: 'ENOTDIR' })
}
