import path from 'node:path'
import type { PathFacts } from '../../check/inspect.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { type DataLayout, realStoreOf } from '../../settings/data-directory.ts'
import type { FolderDestination } from '../../settings/destination-schema.ts'
import type { Settings } from '../../settings/schema.ts'
import { acceptFolder } from './accept-path.ts'

/** The real paths of the folders that files are sent to, or come to: none of them may be a source, or be in one. */
export function storesOf(
  { destinations, receive }: Pick<Settings, 'destinations' | 'receive'>,
  layout: DataLayout,
): string[] {
  const folders = destinations.flatMap((one) => (one.kind === 'folder' ? [one.path] : []))
  return [realStoreOf(layout), ...folders, ...(receive === null ? [] : [receive.directory])]
}

/**
 * A folder destination by its real path.
 * @param facts of its path as it was given.
 * @throws UserError refuse.… where it can be none.
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
  const stores = storesOf({ ...settings, destinations: others }, layout)
  return { ...destination, path: acceptFolder(wanted, facts, { sources: settings.sources, stores }) }
}
