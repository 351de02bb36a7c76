import { spawnSync } from 'node:child_process'
import path from 'node:path'
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
  return at(sources, given, ({ name }) => name === given) ?? null
}

/** Finds a checked path that is not protected; null if there is none. */
export function checkedPathAt({ checkedPaths }: ShownSettings, given: string): CheckedPath | null {
  return at(checkedPaths, given) ?? null
}

/** Limit for resolving the links of a path in milliseconds. */
const RESOLVE_MS = 5_000

/** Texts are compared first: resolving a path takes a process. */
function at<P extends { path: string; link: string | null }>(
  known: readonly P[],
  given: string,
  isNamed: (one: P) => boolean = () => false,
): P | undefined {
  const absolute = path.resolve(given)
  const same = known.find((one) => one.path === absolute || one.link === absolute) ?? known.find(isNamed)
  if (same !== undefined || known.length === 0) return same
  const real = realPath(absolute)
  return known.find((one) => one.path === real)
}

/** Resolves links in another process: on a hanging disk not even Ctrl-C would end a call in this one. */
function realPath(absolute: string): string {
  const script = 'process.stdout.write(fs.realpathSync(process.argv[1]))'
  const { status, stdout } = spawnSync(process.execPath, ['-e', script, absolute], {
    ...{ timeout: RESOLVE_MS, killSignal: 'SIGKILL', encoding: 'utf8' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return status === 0 ? stdout : absolute
}
