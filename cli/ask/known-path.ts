import { realpathSync } from 'node:fs'
import path from 'node:path'
import { dropError } from '../../core/dropped-errors.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import type { CheckedPath, ShownSettings, Source } from '../../core/settings/schema.ts'

/**
 * Finds a protected directory by its path or name.
 * @throws UserError cli.paths.notProtected
 */
export function sourceAt(settings: ShownSettings, given: string): Source {
  const found = namedSource(settings, given)
  if (found === null) throw new UserError('cli.paths.notProtected', { path: given })
  return found
}

/** Finds a protected or checked path, by its path or a source's name. @throws UserError check.notChecked */
export function pathAt(settings: ShownSettings, given: string): Source | CheckedPath {
  const found = checkedPathAt(settings, given) ?? namedSource(settings, given)
  if (found === null) throw new UserError('check.notChecked', { path: given })
  return found
}

function namedSource({ sources }: ShownSettings, given: string): Source | null {
  return at(sources, given) ?? sources.find(({ name }) => name === given) ?? null
}

/** Finds a checked path that is not protected; null if there is none. */
export function checkedPathAt({ checkedPaths }: ShownSettings, given: string): CheckedPath | null {
  return at(checkedPaths, given) ?? null
}

/** Paths are compared as text first: resolving one could block on a hanging disk. */
function at<P extends { path: string; link: string | null }>(
  known: readonly P[],
  given: string,
): P | undefined {
  const absolute = path.resolve(given)
  return (
    known.find((one) => one.path === absolute || one.link === absolute) ??
    known.find((one) => one.path === realPath(absolute))
  )
}

function realPath(absolute: string): string {
  try {
    return realpathSync(absolute)
  } catch (error) {
    return dropError(error, 'a path that does not resolve is compared as it is given', absolute)
  }
}
