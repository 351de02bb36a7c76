import { formatAddress } from '../lib/i18n/formats.ts'
import { message } from '../lib/i18n/message.ts'
import { splitProxyAddress } from '../lib/network/proxy.ts'
import { findProxy, setProxy } from '../lib/network/tunnel.ts'
import type { Destination, TestedDestination } from '../settings/destination-schema.ts'
import type { Backend, StoreKind } from './backend.ts'
import type { Computer, DestinationTest, LibrarySettings } from './backend-messages.ts'
import type { DestinationEvents, OpenDestination } from './destination.ts'
import { openFolder, testFolder } from './folder/folder.ts'
import { computersInFolder, openFolderLibrary, openWholeStore } from './folder/folder-library.ts'
import { type DestinationKind, getKind } from './kinds.ts'
import type { Library } from './library.ts'
import { computersAtStore, openObjectLibrary } from './objects/object-library.ts'
import { type ObjectKind, openObjects, testObjects } from './objects/objects.ts'
import type { OpenOptions, Tested, TryOptions } from './options.ts'
import { openReceiver, testReceiver } from './receiver/receiver.ts'
import { readReceiver, refuseComputers } from './receiver/receiver-library.ts'
import { s3Kind } from './s3/s3.ts'
import { sftpKind } from './sftp/sftp.ts'
import { webdavKind } from './webdav/webdav.ts'

// The kinds of destinations, a line each: by kinds.ts, every kind must be in one of the two lists.

/** The kinds that have all their files in a store of objects. They differ in how they reach it. */
const stores: { [K in StoreKind]: (destination: Tested<K>) => ObjectKind } = {
  sftp: sftpKind,
  s3: s3Kind,
  webdav: webdavKind,
}

const others: { [K in Exclude<DestinationKind, StoreKind>]: Backend<K> } = {
  receiver: { send: openReceiver, test: testReceiver, read: readReceiver, computers: refuseComputers },
  folder: { send: openFolder, test: testFolder, read: openFolderLibrary, computers: computersInFolder },
}

// The functions of a kind take the settings of that kind, which TypeScript cannot follow through a table.
const getBackend = (kind: DestinationKind) =>
  (kind in others ? others[kind as keyof typeof others] : ofStores) as Backend<DestinationKind>

/** Returns what a destination's kind adds to `objects/`. */
export const getObjectKind = (destination: Tested<StoreKind>): ObjectKind =>
  (stores[destination.kind] as (destination: object) => ObjectKind)(destination)

const ofStores: Backend<StoreKind> = {
  send: (options, events) => openObjects(options, getObjectKind(options.destination), events),
  test: (destination, options) => testObjects(destination, getObjectKind(destination), options),
  read: (settings, signal) => openObjectLibrary(settings, getObjectKind(settings.destination), signal),
  computers: (settings, signal) => computersAtStore(settings, getObjectKind(settings.destination), signal),
}

export const openDestination = (
  destination: Destination,
  options: OpenOptions,
  events: DestinationEvents,
): OpenDestination => getBackend(destination.kind).send({ destination, ...options }, events)

/** Tests a destination in this process: writes a small file, reads it back and removes it. Never rejects. */
export async function testDestination(
  destination: TestedDestination,
  options: TryOptions,
): Promise<DestinationTest> {
  const { kind } = destination
  const test = await getBackend(kind).test(destination, options)
  const server = getKind(kind).getServer(destination)
  const proxy = server === null ? null : findProxy(server)
  if (server === null || proxy === null) return test
  const { host, port } = splitProxyAddress(proxy.address)
  const way = message('proxy.way', {
    address: formatAddress(server.host, server.port),
    proxy: formatAddress(host, port),
  })
  return { ...test, found: { ...test.found, notes: [way, ...test.found.notes] } }
}

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
  setProxy(settings.proxy ?? null)
  return getBackend(settings.destination.kind).read(settings, signal)
}

/**
 * Lists the computers that have files at a destination, including this one.
 * @throws UserError with the reason why it cannot be read.
 */
export async function computersAt(settings: LibrarySettings, signal: AbortSignal): Promise<Computer[]> {
  setProxy(settings.proxy ?? null)
  return getBackend(settings.destination.kind).computers(settings, signal)
}
