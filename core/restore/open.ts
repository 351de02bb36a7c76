import path from 'node:path'
import { decrypterFor } from '../backends/encrypted/age.ts'
import { deriveNameKey, looksHidden, nameKeysIn, shownSource } from '../backends/encrypted/names.ts'
import { readEncryption, readNameKeys as readNameKeysIn } from '../backends/folder/encryption.ts'
import { requireMounted } from '../backends/folder/place.ts'
import { readNameKeys, readOwner } from '../backends/objects/folder-owner.ts'
import { type ObjectStore, StoreFault } from '../backends/objects/object-store.ts'
import { getObjectKind } from '../backends/open.ts'
import { ignoreError } from '../dropped-errors.ts'
import { createSemaphore, withPermit } from '../lib/async/semaphore.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import type { Folder } from '../protocol/frames.ts'
import { loadIdentity } from '../protocol/identity.ts'
import type { Destination, Encryption, FolderDestination } from '../settings/destination-schema.ts'
import { EMBEDDED_DESTINATION, formatLocation } from '../settings/destinations.ts'
import type { StoreLayout } from '../store/layout.ts'
import { openForReading, requireStore } from '../store/lock.ts'
import { createStoreError } from '../store/outcome.ts'
import { openStoreReader } from '../store/query/reader.ts'
import { openSenders } from '../store/senders/senders.ts'
import { type Library, NotReadable, openInParts } from './archive-reader.ts'
import { EncryptedLibrary } from './encrypted.ts'
import { directoriesIn, openObjectLibrary } from './objects.ts'
import { openReceiverLibrary } from './receiver.ts'
import type { Computer, LibrarySettings } from './restore-messages.ts'

/** A store's directory, with the files of all senders. */
export interface StoreSettings {
  store: string
  /** The name of this destination, if this computer sends its files there. */
  name?: string
}

/** A destination that keeps objects at a server. */
type ObjectDestination = Exclude<Destination, { kind: 'receiver' | 'folder' }>

export type From = LibrarySettings | StoreSettings

/**
 * Opens this computer's files at a destination, or all files of a store. Its calls may block, so run it in a separate
 * process.
 * @throws UserError with the reason why it cannot be read.
 */
export async function openLibrary(settings: From, signal: AbortSignal): Promise<Library> {
  if ('store' in settings) return openWholeStore(settings)
  const { destination, identityDirectory, name, computer } = settings
  switch (destination.kind) {
    case 'receiver':
      // The receiver decides if this computer may read another computer's files.
      if (computer !== null) throw new UserError('restore.pairReplaces', { name: destination.name, computer })
      return openReceiverLibrary(destination, await loadIdentity(identityDirectory), name, signal)
    case 'folder':
      return openFolder(settings, destination)
    default:
      return openObjects(settings, destination, signal)
  }
}

/**
 * Lists the computers that have files at a destination, including this one.
 * @throws UserError with the reason why it cannot be read.
 */
export async function computersAt(settings: LibrarySettings, signal: AbortSignal): Promise<Computer[]> {
  const { destination } = settings
  switch (destination.kind) {
    case 'receiver':
      throw new UserError('restore.computersNotTold', { name: destination.name })
    case 'folder':
      return (await openStoreFolder(settings, destination)).computers()
    default: {
      const all = await withObjects(destination, settings, signal, async (store) => {
        const found = await computersIn(store, destination.name, signal)
        store.close()
        return found
      })
      return all.map((one) => ({ ...one, isOwn: one.folder === destination.folder }))
    }
  }
}

/** Opens the whole store. If no receiver runs, an interrupted commit of the last one is completed first. */
async function openWholeStore({ store }: StoreSettings): Promise<Library> {
  const layout = await requireStore(store)
  openForReading(layout).database.close()
  return openStoreLibrary(layout, null)
}

/** Opens a computer's folder in a store on this computer. */
async function openFolder(settings: LibrarySettings, destination: FolderDestination): Promise<Library> {
  const { layout, senders, own, computers } = await openStoreFolder(settings, destination)
  const { name } = destination
  const folder = settings.computer ?? own
  if (folder === null) throw new UserError('restore.noFolder', { name })
  if (folder !== own) {
    const there = await computers()
    if (!there.some((one) => one.folder === folder)) throw noComputer(name, folder, there)
  }
  const library = openStoreLibrary(layout, folder, (directory) => senders.sourceIn(folder, directory))
  return decryptLibrary(library, await readEncryption(layout), settings, () => readNameKeysIn(layout))
}

/** Opens the store in a folder on this computer. */
async function openStoreFolder({ identityDirectory }: LibrarySettings, folder: FolderDestination) {
  // The folder in the data directory needs no mount: the first send creates it.
  if (folder.id !== EMBEDDED_DESTINATION) await requireMounted(folder)
  const layout = await requireStore(folder.path)
  const senders = await openSenders(layout.senders, null)
  const { fingerprint } = await loadIdentity(identityDirectory)
  const own = senders.known(fingerprint)?.folder ?? null
  /** The computers that have files in the store. */
  const computers = async (): Promise<Computer[]> => {
    const all = openStoreLibrary(layout, null)
    const sources = await all.folders().finally(() => all.close())
    const folders = [...new Set(sources.map(({ name }) => name.slice(0, name.indexOf('/'))))]
    const { recipient, hideNames: hidesNames } = await readEncryption(layout)
    return folders.map((folder) => {
      const name = senders.list().find((one) => one.folder === folder)?.name ?? null
      return { folder, name, isOwn: folder === own, isEncrypted: recipient !== null, hidesNames }
    })
  }
  return { layout, senders, own, computers }
}

/**
 * Opens a store on a disk of this computer for reading, while another process may write to it. Its calls block, so
 * run it in a separate process.
 * @param sender the folder to read; null: all of them, and a source is then named "<sender>/<source>".
 * @param sourceIn returns the source that a directory in the folder belongs to.
 */
export function openStoreLibrary(
  layout: StoreLayout,
  sender: string | null,
  sourceIn: (directory: string) => string | null = () => null,
): Library {
  const reader = openStoreReader(layout)
  const asked = async <T>(look: () => T | Promise<T>): Promise<T> => {
    try {
      return await look()
    } catch (error) {
      throw error instanceof UserError ? error : createStoreError(layout.root, error)
    }
  }
  return {
    place: path.join(layout.root, sender ?? ''),
    folders: () => asked(() => reader.folders({ sender }).map((name) => ({ name, source: sourceIn(name) }))),
    entries: (question) => asked(() => reader.entries({ sender, asked: question })),
    contents: (question) => asked(() => reader.contents({ sender, asked: question })),
    open: (content) =>
      openInParts(content, async ({ folder, path, version }, from, bytes) => {
        const ranges = [{ folder, path, version, from, bytes }]
        const memory = new Uint8Array(bytes)
        const read = await asked(() => reader.ranges({ sender, job: { ranges, memory } }))
        const fault = read.reads[0]?.fault ?? ''
        if (fault !== '') throw new NotReadable(fault)
        return Buffer.from(read.bytes.buffer, read.bytes.byteOffset, read.bytes.length)
      }),
    close: () => reader.rest(),
  }
}

/** Opens a computer's folder in an object store. */
function openObjects(
  settings: LibrarySettings,
  destination: ObjectDestination,
  signal: AbortSignal,
): Promise<Library> {
  const { name } = destination
  const folder = settings.computer ?? destination.folder
  return withObjects(destination, settings, signal, async (store) => {
    // The other computer's record decides if its files are encrypted; the settings of this computer do not apply.
    const owner = await readOwner(store, folder, name, signal)
    const library = openObjectLibrary(store, { name, folder, signal })
    if (owner === null && settings.computer !== null && (await library.folders()).length === 0)
      throw noComputer(name, folder, await computersIn(store, name, signal))
    return decryptLibrary(library, owner ?? destination, settings, () => readNameKeys(store, folder, signal))
  })
}

/** Uses a server's object store, and closes it if that fails. @throws UserError. */
async function withObjects<T>(
  destination: ObjectDestination,
  { secrets }: LibrarySettings,
  signal: AbortSignal,
  use: (store: ObjectStore) => Promise<T>,
): Promise<T> {
  let store: ObjectStore | null = null
  try {
    store = (await getObjectKind(destination).reach(destination.folder, secrets, signal)).store
    return await use(store)
  } catch (error) {
    store?.close()
    if (!(error instanceof StoreFault)) throw error
    const { name } = destination
    const params = { name, address: formatLocation(destination), reason: error.reason }
    throw new UserError('restore.notReached', params, { cause: error })
  }
}

/**
 * Lists the folders of an object store that record their owner.
 * @param at the destination's name.
 * @throws StoreFault.
 */
async function computersIn(store: ObjectStore, at: string, signal: AbortSignal): Promise<Computer[]> {
  const slots = createSemaphore(Math.max(1, store.can.parallel))
  const readComputer = async (folder: string): Promise<Computer[]> => {
    // A folder that is not Holdfast's, or whose owner record is unreadable, is skipped.
    const owner = await readOwner(store, folder, at, signal).catch((error: unknown) => {
      if (error instanceof UserError) return null
      throw error
    })
    if (owner === null) return []
    const { computer: name, recipient, hideNames: hidesNames } = owner
    return [{ folder, name, isOwn: false, isEncrypted: recipient !== null, hidesNames }]
  }
  const folders = await directoriesIn(store, '')
  const all = await Promise.all(folders.map((folder) => withPermit(slots, () => readComputer(folder))))
  return all.flat()
}

/** @param name the destination's name. */
function noComputer(name: string, computer: string, there: readonly Computer[]): UserError {
  if (there.length === 0) return new UserError('restore.noComputers', { name })
  const computers = there.map(({ folder }) => folder).join(', ')
  return new UserError('restore.noComputer', { name, computer, computers })
}

/**
 * Wraps a library so that contents and names appear as they were sent. This computer can read the names that it has
 * hidden itself; other computers need the age identity, as for contents.
 * @param there how the destination's files are encrypted.
 * @param nameKeys reads the encrypted name keys from the destination.
 * @throws UserError also if names stay hidden although the identity is given: the restored files would be unusable.
 */
async function decryptLibrary(
  library: Library,
  { recipient, hideNames }: Encryption,
  { destination, identityDirectory, key }: LibrarySettings,
  nameKeys: () => Promise<Uint8Array[]>,
): Promise<Library> {
  if (recipient === null) return library
  const decrypter = key === null ? null : await decrypterFor(key, recipient)
  if (!hideNames) return new EncryptedLibrary(library, decrypter, [])
  const keys = [deriveNameKey(await loadIdentity(identityDirectory), recipient)]
  for (const sealed of decrypter === null ? [] : await nameKeys()) {
    // A key that is damaged or encrypted for another recipient is skipped.
    const text = await decrypter
      ?.decrypt(sealed, 'text')
      .catch(ignoreError('a name key that is damaged, or of another recipient, opens nothing', ''))
    keys.push(...nameKeysIn(text ?? ''))
  }
  const isUnread = ({ name }: Folder) =>
    looksHidden(name) && keys.every((one) => shownSource(one, name) === null)
  if (decrypter !== null && (await library.folders()).some(isUnread))
    throw new UserError('transfer.objects.nameKeyMissing', { name: destination.name })
  return new EncryptedLibrary(library, decrypter, keys)
}
