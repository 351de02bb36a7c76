import { openSenders } from '../receive/senders/senders.ts'
import type { Destination } from '../settings/schema.ts'
import { requireStore } from '../store/read-store.ts'
import { loadIdentity } from '../wire/identity.ts'
import { Problem } from '../words/problem.ts'
import { openFolderLibrary } from './folder.ts'
import type { Library } from './library.ts'
import { openReceiverLibrary } from './receiver.ts'

/** What a library is opened with; it can be told to another process. */
export interface LibrarySettings {
  destination: Destination
  /** By the names that the kind has; see the settings' schema. */
  secrets: Readonly<Record<string, string>>
  identityDirectory: string
  /** This computer's name. */
  name: string
  /** Another computer's folder, whose files are taken over; null: this one's. */
  computer: string | null
  /** An age identity, where contents are encrypted. */
  key: string | null
}

/** The folder that a computer has in a store of this computer's. */
async function openFolder(settings: LibrarySettings, directory: string): Promise<Library> {
  const layout = await requireStore(directory)
  const { fingerprint } = await loadIdentity(settings.identityDirectory)
  const senders = await openSenders(layout.senders, () => undefined)
  const own = senders.known(fingerprint)?.folder ?? null
  const folder = settings.computer ?? own
  if (folder === null) throw new Problem('restore.noFolder', { name: settings.destination.name })
  return openFolderLibrary(layout, folder)
}

/**
 * Opens what a destination has of this computer. Its calls may block: for a process of its own.
 * @throws Problem that says why it cannot be looked through.
 */
export async function openLibrary(settings: LibrarySettings, signal: AbortSignal): Promise<Library> {
  const { destination, identityDirectory, name, computer } = settings
  switch (destination.kind) {
    case 'receiver':
      // Whoever may do that is asked at the receiver.
      if (computer !== null) throw new Problem('restore.pairReplaces', { name: destination.name, computer })
      return openReceiverLibrary(destination, await loadIdentity(identityDirectory), name, signal)
    case 'folder':
      return openFolder(settings, destination.path)
    case 'sftp':
    case 's3':
      throw new Error('not built yet')
  }
}
