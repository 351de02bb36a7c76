import { readdir, rm, stat } from 'node:fs/promises'
import type { DataLayout } from '../settings/data-directory.ts'
import type { Settings } from '../settings/schema.ts'
import { OWN_DIRECTORY, storeLayout } from '../store/layout.ts'
import { Problem } from '../words/problem.ts'
import { lockDirectory } from '../worker/directory-lock.ts'
import type { Agent } from './agent.ts'
import type { AppState } from './state/schema.ts'

// Files that were copied on this computer while there was no destination. With one, nobody needs these copies.

/** The directory that they are in, beside destinations; null: there are none. */
export async function localCopies({ store }: DataLayout, { destinations }: Settings): Promise<string | null> {
  if (destinations.length === 0) return null
  // A store in which nothing was ever kept has its own directory alone.
  const names = await readdir(store).catch(() => [])
  return names.some((name) => name !== OWN_DIRECTORY) ? store : null
}

/** Files that may be nowhere but here; null: nobody knows yet. */
function notElsewhere({ sources }: AppState): number | null {
  const isKnown = sources.every(
    ({ scanned, destinations }) => scanned?.compared === true && destinations.every((one) => one.reported),
  )
  if (!isKnown) return null
  return sources.reduce((sum, { totals }) => sum + totals.waitingFiles + totals.parkedFiles, 0)
}

/**
 * Deletes them, once every file is at its destinations.
 * @throws Problem localCopies.needed, localCopies.notYet, localCopies.unknown, transfer.storeInUse; what the system says.
 */
export async function deleteLocalCopies({ layout, store }: Agent): Promise<void> {
  const { state } = store
  const { root, own } = storeLayout(layout.store)
  if (state.settings.destinations.length === 0) throw new Problem('localCopies.needed', { path: root })
  const count = notElsewhere(state)
  if (count === null) throw new Problem('localCopies.unknown', { path: root })
  if (count > 0) throw new Problem('localCopies.notYet', { path: root, count })
  if ((await localCopies(layout, state.settings)) === null) return
  const lock = await stat(own).then(
    () => lockDirectory(own),
    () => undefined,
  )
  if (lock === null) throw new Problem('transfer.storeInUse', { path: root })
  try {
    // Its records first: what a cut leaves behind is no store any more, and says of no file that it is here.
    await rm(own, { recursive: true, force: true })
    await rm(root, { recursive: true, force: true })
    store.update({ localCopies: null })
  } finally {
    lock?.release()
  }
}
