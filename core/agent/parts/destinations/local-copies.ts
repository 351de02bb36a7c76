import { readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { defer } from '../../../defer.ts'
import { ignoreError } from '../../../dropped-errors.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { lockDirectory } from '../../../lib/workers/directory-lock.ts'
import type { DataLayout } from '../../../settings/data-directory.ts'
import type { ShownSettings } from '../../../settings/schema.ts'
import { OWN_DIRECTORY, type StoreLayout, storeLayout } from '../../../store/layout.ts'
import { openSenders } from '../../../store/senders/senders.ts'
import type { AgentServices } from '../../services.ts'
import type { AppState } from '../../state/schema.ts'

// Handles the copies made on this computer while it had no destination. With a destination, they are not needed.

/** Returns the directory of these copies if destinations exist; null: there are none. */
export async function localCopies(
  { store }: DataLayout,
  { destinations }: ShownSettings,
): Promise<string | null> {
  if (destinations.length === 0) return null
  // A store that never received a file contains only its own directory.
  const names = await readdir(store).catch(
    ignoreError('a store that cannot be listed has no local copies to show', []),
  )
  return names.some((name) => name !== OWN_DIRECTORY) ? store : null
}

/**
 * Returns a folder of the store whose source is no longer protected: its files may exist nowhere else. undefined:
 * none.
 */
async function withoutSource(
  { root, senders: list }: StoreLayout,
  { sources }: ShownSettings,
): Promise<string | undefined> {
  const senders = await openSenders(list, null)
  const known = new Set<string | null>(sources.map(({ id }) => id))
  const computers = await directoriesIn(root)
  const folders = await Promise.all(
    computers.map(async (computer) =>
      (await directoriesIn(path.join(root, computer)))
        .filter((folder) => !known.has(senders.sourceIn(computer, folder)))
        .map((folder) => path.join(root, computer, folder)),
    ),
  )
  return folders.flat()[0]
}

async function directoriesIn(directory: string): Promise<string[]> {
  const all = await readdir(directory, { withFileTypes: true })
  return all.filter((one) => one.isDirectory() && one.name !== OWN_DIRECTORY).map(({ name }) => name)
}

/** Counts the files that may exist only here; null: not known yet. */
function notElsewhere({ sources }: AppState): number | null {
  const isKnown = sources.every(
    ({ scanned, destinations }) => scanned?.compared === true && destinations.every((one) => one.reported),
  )
  if (!isKnown) return null
  return sources.reduce((sum, { totals }) => sum + totals.waitingFiles + totals.parkedFiles, 0)
}

/**
 * Deletes the local copies once every file is at its destinations.
 * @throws UserError localCopies.needed, localCopies.notYet, localCopies.unknown, localCopies.noSource,
 * transfer.storeInUse; system errors
 */
export async function deleteLocalCopies({
  layout,
  store,
}: Pick<AgentServices, 'layout' | 'store'>): Promise<void> {
  const { state } = store
  const all = storeLayout(layout.store)
  const { root, own } = all
  if (state.settings.destinations.length === 0) throw new UserError('localCopies.needed', { path: root })
  const count = notElsewhere(state)
  if (count === null) throw new UserError('localCopies.unknown', { path: root })
  if (count > 0) throw new UserError('localCopies.notYet', { path: root, count })
  if ((await localCopies(layout, state.settings)) === null) return
  const folder = await withoutSource(all, state.settings)
  if (folder !== undefined) throw new UserError('localCopies.noSource', { folder })
  const lock = await stat(own).then(
    () => lockDirectory(own),
    () => undefined,
  )
  if (lock === null) throw new UserError('transfer.storeInUse', { path: root })
  using _ = defer(() => lock?.release())
  // Deletes the records first. If the deletion is interrupted, the rest is no valid store and lists no files.
  await rm(own, { recursive: true, force: true })
  await rm(root, { recursive: true, force: true })
  store.update({ localCopies: null })
}
