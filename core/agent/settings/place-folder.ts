import path from 'node:path'
import type { PathFacts } from '../../check/inspect.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { type DataLayout, resolveStore } from '../../settings/data-directory.ts'
import type { FolderDestination } from '../../settings/destination-schema.ts'
import type { Settings } from '../../settings/schema.ts'
import { acceptFolder } from './accept-path.ts'

/** Returns the real paths of the folders that receive files. A source must not overlap any of them. */
export function getStorePaths(
  { destinations, receive }: Pick<Settings, 'destinations' | 'receive'>,
  layout: DataLayout,
): string[] {
  const folders = destinations.flatMap((one) => (one.kind === 'folder' ? [one.path] : []))
  return [resolveStore(layout), ...folders, ...(receive === null ? [] : [receive.directory])]
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
  if (!path.isAbsolute(wanted)) throw new UserError('refuse.relative', { path: wanted })
  const others = settings.destinations.filter(({ id }) => id !== destination.id)
  const stores = getStorePaths({ ...settings, destinations: others }, layout)
  return { ...destination, path: acceptFolder(wanted, facts, { sources: settings.sources, stores }) }
}
