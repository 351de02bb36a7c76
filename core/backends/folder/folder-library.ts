import path from 'node:path'
import { UserError } from '../../lib/i18n/user-error.ts'
import { loadIdentity } from '../../protocol/identity.ts'
import { EMBEDDED_DESTINATION } from '../../settings/destinations.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { openForReading, requireStore } from '../../store/lock.ts'
import { createStoreError } from '../../store/outcome.ts'
import type { StoredContent } from '../../store/query/query.ts'
import { openStoreReader } from '../../store/query/reader.ts'
import { openSenders } from '../../store/senders/senders.ts'
import type { ReadSettings } from '../backend.ts'
import type { Computer } from '../backend-messages.ts'
import { decryptLibrary } from '../encrypted/encrypted-library.ts'
import { NotReadable } from '../errors.ts'
import { type Library, noComputer, openInParts } from '../library.ts'
import { readEncryption, readNameKeys } from './encryption.ts'
import { requireMounted } from './mounted.ts'

type FolderSettings = ReadSettings<'folder'>

/** Opens the whole store. If no receiver runs, an interrupted commit of the last one is completed first. */
export async function openWholeStore(store: string): Promise<Library> {
  const layout = await requireStore(store)
  openForReading(layout).database.close()
  return openStoreLibrary(layout, null)
}

/** Opens a computer's folder in a store on this computer. An interrupted commit is completed, as for the whole store. */
export async function openFolderLibrary(settings: FolderSettings): Promise<Library> {
  const { layout, senders, own, computers } = await openStoreFolder(settings)
  const { name } = settings.destination
  const folder = settings.computer ?? own
  if (folder === null) throw new UserError('restore.noFolder', { name })
  if (folder !== own) {
    const there = await computers()
    if (!there.some((one) => one.folder === folder)) throw noComputer(name, folder, there)
  }
  openForReading(layout).database.close()
  const library = openStoreLibrary(layout, folder, (directory) => senders.sourceIn(folder, directory))
  return decryptLibrary(library, await readEncryption(layout), settings, () => readNameKeys(layout))
}

/** Lists the computers that have files in a folder on this computer. */
export const computersInFolder = async (settings: FolderSettings): Promise<Computer[]> =>
  (await openStoreFolder(settings)).computers()

/** Opens the store in a folder on this computer. */
async function openStoreFolder({ identityDirectory, destination: folder }: FolderSettings) {
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
    counts: (question) => asked(() => reader.counts({ sender, asked: question })),
    open: (content, options) => {
      const readPart = async ({ folder, path, version }: StoredContent, from: number, bytes: number) => {
        const ranges = [{ folder, path, version, from, bytes }]
        const memory = new Uint8Array(bytes)
        const read = await asked(() => reader.ranges({ sender, job: { ranges, memory } }))
        const fault = read.reads[0]?.fault ?? ''
        if (fault !== '') throw new NotReadable(fault)
        return Buffer.from(read.bytes.buffer, read.bytes.byteOffset, read.bytes.length)
      }
      return openInParts(content, readPart, options)
    },
    close: () => reader.rest(),
  }
}
