import { UserError } from '../lib/i18n/user-error.ts'
import { setProxy } from '../lib/network/tunnel.ts'
import { loadIdentity } from '../protocol/identity.ts'
import type { Library } from './archive-reader.ts'
import type { Computer, LibrarySettings } from './backend-messages.ts'
import { computersInFolder, openFolderLibrary, openWholeStore } from './folder/folder-library.ts'
import { computersAtStore, openObjectLibrary } from './objects/object-library.ts'
import { getObjectKind } from './open.ts'
import { openReceiverLibrary } from './receiver/receiver-library.ts'

/** A store's directory, with the files of all senders. */
export interface StoreSettings {
  store: string
  /** The name of this destination, if this computer sends its files there. */
  name?: string
}

export type From = LibrarySettings | StoreSettings

/**
 * Opens this computer's files at a destination, or all files of a store. Its calls may block, so run it in a separate
 * process.
 * @throws UserError with the reason why it cannot be read.
 */
export async function openLibrary(settings: From, signal: AbortSignal): Promise<Library> {
  if ('store' in settings) return openWholeStore(settings.store)
  const { destination, identityDirectory, name, computer } = settings
  setProxy(settings.proxy ?? null)
  switch (destination.kind) {
    case 'receiver':
      // The receiver decides if this computer may read another computer's files.
      if (computer !== null) throw new UserError('restore.pairReplaces', { name: destination.name, computer })
      return openReceiverLibrary(destination, await loadIdentity(identityDirectory), name, signal)
    case 'folder':
      return openFolderLibrary({ ...settings, destination })
    default:
      return openObjectLibrary({ ...settings, destination }, getObjectKind(destination), signal)
  }
}

/**
 * Lists the computers that have files at a destination, including this one.
 * @throws UserError with the reason why it cannot be read.
 */
export async function computersAt(settings: LibrarySettings, signal: AbortSignal): Promise<Computer[]> {
  const { destination } = settings
  setProxy(settings.proxy ?? null)
  switch (destination.kind) {
    case 'receiver':
      throw new UserError('restore.computersNotTold', { name: destination.name })
    case 'folder':
      return computersInFolder({ ...settings, destination })
    default:
      return computersAtStore({ ...settings, destination }, getObjectKind(destination), signal)
  }
}
