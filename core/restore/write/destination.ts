import { realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import type { WordKey } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { makeDirectories } from '../../platform/make-directories.ts'
import { errorCode, isGone } from '../../platform/system-error.ts'
import { describeDenied, findDenied } from './permissions.ts'

/** Errors with a message of their own, because the remedy differs (errno(3)). */
const sentences: Readonly<Record<string, WordKey>> = {
  ENOSPC: 'store.restoreFull',
  EDQUOT: 'store.restoreFull',
  EROFS: 'store.restoreReadOnly',
  ENOTDIR: 'store.restoreNoDirectory',
  EACCES: 'store.restoreForbidden',
  EPERM: 'store.restoreForbidden',
}

/** Returns the error for a target that cannot be written to, with reason and remedy. */
export function restoreStopped(destination: string, error: unknown): UserError {
  const reason = errorCode(error) ?? String(error)
  const { root } = path.parse(destination)
  const denied = findDenied(error, root, path.relative(root, destination).split(path.sep))
  if (denied !== null) {
    const { key, params } = describeDenied(destination, denied)
    return new UserError(key, params, { cause: error })
  }
  const params = { path: destination, reason }
  return new UserError(sentences[reason] ?? 'store.restoreStopped', params, { cause: error })
}

/** Resolves symbolic links in a path; if it does not exist, those of its nearest existing parent. */
async function nearestReal(file: string): Promise<string> {
  try {
    return await realpath(file)
  } catch (error) {
    const above = path.dirname(file)
    if (above === file || !isGone(errorCode(error))) throw error
    return nearestReal(above)
  }
}

/** True if a path is a directory or inside it, regardless of symbolic links and spelling. */
async function isInside(file: string, directory: string): Promise<boolean> {
  const wanted = await stat(directory, { bigint: true })
  let at = await nearestReal(file)
  for (;;) {
    const { dev, ino } = await stat(at, { bigint: true })
    if (dev === wanted.dev && ino === wanted.ino) return true
    const above = path.dirname(at)
    if (above === at) return false
    at = above
  }
}

/** @throws UserError if a target is inside the store, or cannot be read. */
export async function requireOutside(destination: string, store: string): Promise<void> {
  const inside = await isInside(destination, store).catch((error: unknown) => {
    throw restoreStopped(destination, error)
  })
  if (inside) throw new UserError('store.restoreInside', { path: destination })
}

/**
 * Creates a target directory and its missing parents.
 * @throws UserError if that fails, or the path is not a directory.
 */
export async function makeDestination(directory: string): Promise<void> {
  try {
    await makeDirectories(directory)
    if (!(await stat(directory)).isDirectory())
      throw Object.assign(new Error(`no directory: ${directory}`), { code: 'ENOTDIR' })
  } catch (error) {
    throw restoreStopped(directory, error)
  }
}
