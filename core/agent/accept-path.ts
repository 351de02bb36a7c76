import path, { isAbsolute, sep } from 'node:path'
import type { PathFacts } from '../check/inspect.ts'
import type { Message } from '../lib/i18n/message.ts'
import { toSentence, UserError } from '../lib/i18n/user-error.ts'
import { type DataLayout, resolveStore } from '../settings/data-directory.ts'
import type { FolderDestination } from '../settings/destination-schema.ts'
import type { Settings } from '../settings/schema.ts'

// Decides which paths become sources, checked paths or destination folders. Sources and folders that receive files must
// not overlap.

/** The facts of a path that decide about a refusal. */
export type LookedAt = Pick<PathFacts, 'real' | 'kind' | 'readable' | 'store' | 'code'>

interface TakenPaths {
  /** Real paths of the sources that exist. */
  sources: { path: string; name: string }[]
  /** Real paths of the folders that receive files: the one on this computer, and those of destinations. */
  stores: readonly string[]
}

/**
 * @returns the real path
 * @throws UserError refuse.… if the path cannot become a source
 */
export function acceptSource(path: string, facts: LookedAt, taken: TakenPaths): string {
  const real = acceptPath(path, facts)
  if (facts.kind !== 'directory') throw new UserError('refuse.notDirectory', { path })
  const same = taken.sources.find((one) => one.path === real)
  if (same !== undefined) throw new UserError('refuse.already', { path, name: same.name })
  const outer = taken.sources.find((one) => isWithin(real, one.path))
  if (outer !== undefined)
    throw new UserError('refuse.insideSource', { path, name: outer.name, outer: outer.path })
  const inner = taken.sources.find((one) => isWithin(one.path, real))
  if (inner !== undefined)
    throw new UserError('refuse.aroundSource', { path, name: inner.name, inner: inner.path })
  // Also a store of another owner: it may be this computer's own destination, reached by one of its addresses.
  for (const store of facts.store === null ? taken.stores : [...taken.stores, facts.store]) {
    if (store === real) throw new UserError('refuse.isStore', { path })
    if (isWithin(store, real)) throw new UserError('refuse.containsStore', { path, store })
    if (isWithin(real, store)) throw new UserError('refuse.insideStore', { path, store })
  }
  return real
}

/**
 * Returns the configured sources that must not run, judged only by their paths, because the settings file can be
 * edited by hand. Of two that overlap, the first stays.
 */
export function refusedSources(
  sources: readonly { id: string; path: string; name: string }[],
  stores: readonly string[],
): Map<string, Message> {
  const refused = new Map<string, Message>()
  const taken: TakenPaths = { sources: [], stores }
  for (const { id, path, name } of sources) {
    const facts: LookedAt = { real: path, kind: 'directory', readable: true, store: null, code: null }
    try {
      acceptSource(path, facts, taken)
      taken.sources.push({ path, name })
    } catch (error) {
      refused.set(id, toSentence(error))
    }
  }
  return refused
}

/**
 * Returns a folder destination with its real path.
 * @param facts of the path as given
 * @throws UserError refuse.… if the folder cannot be a destination
 */
export function placedFolder(
  destination: FolderDestination,
  facts: PathFacts,
  settings: Settings,
  layout: DataLayout,
): FolderDestination {
  const { path: wanted } = destination
  if (!isAbsolute(wanted)) throw new UserError('refuse.relative', { path: wanted })
  const others = settings.destinations.filter(({ id }) => id !== destination.id)
  const stores = getStorePaths({ ...settings, destinations: others }, layout)
  return { ...destination, path: acceptFolder(wanted, facts, { sources: settings.sources, stores }) }
}

/**
 * @returns the real path
 * @throws UserError refuse.… if files cannot be sent to the directory
 */
export function acceptFolder(path: string, facts: LookedAt, taken: TakenPaths): string {
  const real = acceptPath(path, facts)
  if (facts.kind !== 'directory') throw new UserError('refuse.notDirectory', { path })
  const isNear = (other: string) => isWithin(real, other) || isWithin(other, real)
  const source = taken.sources.find((one) => isNear(one.path))
  if (source !== undefined)
    throw new UserError('refuse.folderSource', { path, name: source.name, source: source.path })
  const store = taken.stores.find(isNear)
  if (store !== undefined) throw new UserError('refuse.folderStore', { path, store })
  return real
}

/**
 * @returns the real path
 * @throws UserError refuse.… if the path cannot even be checked
 */
export function acceptPath(path: string, facts: LookedAt): string {
  if (facts.code !== null) throw new UserError('refuse.cannotLook', { path, reason: facts.code })
  if (facts.real === null) throw new UserError(missingAt(path), { path })
  if (!facts.readable) throw new UserError('refuse.unreadable', { path })
  return facts.real
}

/**
 * Returns the message for a path that does not exist. A byte that is not UTF-8 has been decoded as the replacement
 * character.
 */
export function missingAt(path: string): 'refuse.notUtf8' | 'refuse.missing' {
  return path.includes('\ufffd') ? 'refuse.notUtf8' : 'refuse.missing'
}

/** Returns the real paths of the folders that receive files. A source must not overlap any of them. */
export function getStorePaths(
  { destinations, receive }: Pick<Settings, 'destinations' | 'receive'>,
  layout: DataLayout,
): string[] {
  const folders = destinations.flatMap((one) => (one.kind === 'folder' ? [one.path] : []))
  return [resolveStore(layout), ...folders, ...(receive === null ? [] : [receive.directory])]
}

/** True if a path equals another or is below it. Compares only the text. */
export function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : `${outer}${sep}`)
}

/** Returns the path as given if it is a link or passes through one. */
export const linkTo = (real: string, given: string): string | null => (given === real ? null : given)

/**
 * Refuses a known link that now points to another place.
 * @throws UserError refuse.linkMoved
 */
export function refuseMoved(
  known: readonly { path: string; link: string | null; name: string }[],
  wanted: string,
  real: string | null,
): void {
  const moved = known.find(({ link, path: before }) => link === wanted && before !== real)
  if (moved !== undefined && real !== null)
    throw new UserError('refuse.linkMoved', { path: wanted, name: moved.name, before: moved.path, now: real })
}

/** @throws UserError refuse.relative */
export function resolveAbsolute(given: string): string {
  if (!path.isAbsolute(given)) throw new UserError('refuse.relative', { path: given })
  // Removes a separator at the end, which does not change the path.
  return path.resolve(given)
}
