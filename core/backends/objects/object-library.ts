import { defer } from '../../defer.ts'
import { createSemaphore, type Semaphore, withPermit } from '../../lib/async/semaphore.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { computeDigest } from '../../platform/digest.ts'
import type { FileMetadata } from '../../platform/file-metadata.ts'
import type { EntriesQuestion, Folder, RestoreEntry } from '../../protocol/frames.ts'
import { findNameFault } from '../../protocol/names.ts'
import { formatLocation } from '../../settings/destinations.ts'
import { OWN_DIRECTORY } from '../../store/layout.ts'
import {
  type ContentsPage,
  type EntriesPage,
  parseOrigin,
  type StoreContentsQuestion,
  type StoredContent,
} from '../../store/query/query.ts'
import { isVersionName, replacedAt } from '../../store/retention/retention.ts'
import type { ReadSettings, StoreKind } from '../backend.ts'
import type { Computer } from '../backend-messages.ts'
import { recipientOf } from '../encrypted/age.ts'
import { decryptLibrary } from '../encrypted/encrypted-library.ts'
import { BackendError, COLD, NotReadable, toNotReadable, unlessLost } from '../errors.ts'
import { type Incoming, type Library, noComputer, SMALL_BYTES } from '../library.ts'
import { readKeptOwner, readNameKeys, readOwner } from './folder-owner.ts'
import { listAll, type ObjectInfo, type ObjectPage, type ObjectStore } from './object-store.ts'
import type { ObjectKind } from './objects.ts'

// Reads a computer's files at an SFTP server or in a bucket. A file is the object FOLDER/SOURCE/PATH. An older version
// is an object in the folder's own directory, or a version that the store itself keeps. A name may have older versions
// alone, if its content was being replaced as the sender or the server stopped: then the newest of them is its content.
// Some servers have no file under a name while they replace it: a name with older versions that a listing lacks is
// looked up.

/** Maximum number of older versions to list for one name. */
const MOST_VERSIONS = 10_000
/**
 * Limit of the names that all unfinished listings remember: the least recently used ones are forgotten first. Names of a
 * single listing beyond it are not looked up.
 */
const MOST_REMEMBERED = 2_000_000
/** Begins the cursor of a page of removed objects. */
const REMOVED = 'removed '
/** Begins the cursor of a page of names without a current object. */
const NAMELESS = 'nameless '

type ObjectSettings = ReadSettings<StoreKind>

/** Opens a computer's folder in an object store. */
export function openObjectLibrary(settings: ObjectSettings, kind: ObjectKind, signal: AbortSignal) {
  const { destination, computer } = settings
  const { name } = destination
  const folder = computer ?? destination.folder
  return withObjects(settings, kind, signal, async (store) => {
    // The record of the folder decides if its files are encrypted. The identity, or else the settings for this computer's
    // own folder, show which version of the record is meant.
    const own = computer === null ? destination.recipient : undefined
    const recipient = settings.key === null ? own : await recipientOf(settings.key)
    const owner = await readKeptOwner(store, folder, name, signal, recipient)
    const library = new ObjectLibrary(store, name, folder, signal)
    if (owner === null && computer !== null && (await library.folders()).length === 0)
      throw noComputer(name, folder, await computersIn(store, name, signal))
    return decryptLibrary(library, owner ?? destination, settings, () =>
      readNameKeys(store, folder, name, signal),
    )
  })
}

/** Lists the computers that have a folder in an object store. */
export function computersAtStore(settings: ObjectSettings, kind: ObjectKind, signal: AbortSignal) {
  const { name, folder } = settings.destination
  return withObjects(settings, kind, signal, async (store) => {
    const found = await computersIn(store, name, signal)
    store.close()
    return found.map((one) => ({ ...one, isOwn: one.folder === folder }))
  })
}

/** Uses a server's object store, and closes it if that fails. @throws UserError. */
async function withObjects<T>(
  { destination, secrets }: ObjectSettings,
  kind: ObjectKind,
  signal: AbortSignal,
  use: (store: ObjectStore) => Promise<T>,
): Promise<T> {
  let store: ObjectStore | null = null
  try {
    store = (await kind.reach(destination.folder, secrets, signal)).store
    return await use(store)
  } catch (error) {
    store?.close()
    if (!(error instanceof BackendError)) throw error
    const { name } = destination
    const params = { name, address: formatLocation(destination), reason: error.reason }
    throw new UserError('restore.notReached', params, { cause: error })
  }
}

/**
 * Lists the folders of an object store that record their owner.
 * @param at the destination's name.
 * @throws BackendError.
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
  const folders = await directoriesIn(store, at, '')
  const all = await Promise.all(folders.map((folder) => withPermit(slots, () => readComputer(folder))))
  return all.flat()
}

/** Reads a computer's files in an object store. */
export class ObjectLibrary implements Library {
  readonly place = null
  readonly #store: ObjectStore
  readonly #name: string
  readonly #folder: string
  readonly #signal: AbortSignal
  readonly #slots: Semaphore
  /** Names that each unfinished listing has shown, by the listing's number; the least recently used one comes first. */
  readonly #listings = new Map<number, Set<number>>()
  #listingCount = 0

  /** @param name the destination's. @param folder the computer's. */
  constructor(store: ObjectStore, name: string, folder: string, signal: AbortSignal) {
    this.#store = store
    this.#name = name
    this.#folder = folder
    this.#signal = signal
    this.#slots = createSemaphore(Math.max(1, store.can.parallel))
  }

  get mayLoseFacts(): boolean {
    // A file's own time is as near to the sent one as its server can have it.
    return this.#store.can.dates
  }

  folders(): Promise<Folder[]> {
    return this.#ask(async () => {
      const owner = await readKeptOwner(this.#store, this.#folder, this.#name, this.#signal, undefined)
      const sources = Object.entries(owner?.sources ?? {})
      return (await this.#directories()).map((name) => {
        return { name, source: sources.find(([, directory]) => directory === name)?.[0] ?? null }
      })
    })
  }

  entries({ folder, directory, after }: EntriesQuestion): Promise<EntriesPage> {
    return this.#ask(async () => {
      const front = `${[this.#folder, folder, directory].filter((part) => part !== '').join('/')}/`
      const page = await this.#store.list(front, after, false)
      if (page.next !== null) return { entries: toEntries(front, page), next: page.next }
      const nameless = await this.#namelessIn(folder, directory, after === null ? page : null)
      return { entries: toEntries(front, { ...page, objects: [...page.objects, ...nameless] }), next: null }
    })
  }

  /** Returns as many contents as the store lists per request. */
  contents(question: StoreContentsQuestion): Promise<ContentsPage> {
    return this.#ask(() => this.#listContents(question))
  }

  open(content: StoredContent): Promise<Incoming> {
    return withPermit(this.#slots, () => this.#open(content))
  }

  async thaw(content: StoredContent): Promise<void> {
    await this.#store.thaw?.(...this.#locate(content)).catch((error: unknown) => {
      throw this.#translate(error)
    })
  }

  close(): void {
    this.#store.close()
  }

  /** Runs a request that does not concern one content alone, so that each of its errors is a UserError. */
  async #ask<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request()
    } catch (error) {
      const known = this.#translate(error)
      if (known instanceof NotReadable)
        throw new UserError('restore.notTold', { name: this.#name, reason: known.message }, { cause: error })
      throw known
    }
  }

  /** Translates an error of the store. */
  #translate(error: unknown): unknown {
    if (!(error instanceof BackendError)) return error
    const params = { name: this.#name, reason: error.reason }
    return toNotReadable(error) ?? new UserError('restore.notTold', params, { cause: error })
  }

  /** Returns the directories of sources, also of those whose files have all been removed and can be restored. */
  async #directories(): Promise<string[]> {
    const prefix = `${this.#folder}/`
    const present = await directoriesIn(this.#store, this.#name, prefix)
    const removed = await listAll(
      async (after) => (await this.#store.removed?.(prefix, after, null, false).catch(unlessLost)) ?? null,
      ({ directories }) => toDirectoryNames(prefix, directories),
      { at: this.#name, prefix },
    )
    return [...new Set([...present, ...removed])].filter((own) => own !== OWN_DIRECTORY).sort()
  }

  async #listContents(question: StoreContentsQuestion): Promise<ContentsPage> {
    const page: ContentsPage = { contents: [], directories: [], strange: 0, next: null }
    const { folder, path, at, version, isList } = question
    if (parseOrigin(this.#folder, folder, path) === null) return page
    const folders = folder === null ? await this.#directories() : [folder]
    const cursor = parseCursor(question.after)
    const [, index, after] = cursor ?? [0, 0, null]
    const source = folders[index]
    if (source === undefined) return page
    if (path !== null && (isList || version !== null)) {
      const all = await this.#allContents(source, path)
      page.contents = version === null ? all : all.filter((one) => one.version === version)
      // The path may be a directory.
      if (page.contents.length > 0 || version !== null) return page
    }

    const listing = cursor?.[0] ?? this.#beginListing()
    const shown = this.#recallListing(listing)
    const text = question.text?.toLowerCase() ?? ''
    const isWanted = (file: string) => file.toLowerCase().includes(text)
    const isNameless = after?.startsWith(NAMELESS) === true
    const present = isNameless ? null : await this.#listPresent(source, path, after, at, isWanted, shown)
    page.contents = present?.contents ?? []
    let next = present?.next ?? null
    if (next === null) {
      const from = isNameless ? after.slice(NAMELESS.length) : null
      const nameless = await this.#listNameless(source, path, from, isWanted, shown)
      next = nameless.next === null ? null : `${NAMELESS}${nameless.next}`
      page.contents.push(...(await this.#contentsAt(nameless.contents, at)))
    }
    if (next !== null) page.next = `${listing} ${index} ${next}`
    else if (index + 1 < folders.length) page.next = `${listing} ${index + 1} `
    else this.#listings.delete(listing)
    return page
  }

  #beginListing(): number {
    this.#listingCount += 1
    this.#listings.set(this.#listingCount, new Set())
    return this.#listingCount
  }

  /** Returns the names that a listing has shown; undefined: they are forgotten. Its caller may have abandoned others. */
  #recallListing(listing: number): Set<number> | undefined {
    const shown = this.#listings.get(listing)
    if (shown === undefined) return undefined
    this.#listings.delete(listing)
    let names = shown.size
    for (const other of this.#listings.values()) names += other.size
    for (const [oldest, { size }] of this.#listings) {
      if (names < MOST_REMEMBERED) break
      this.#listings.delete(oldest)
      names -= size
    }
    this.#listings.set(listing, shown)
    return shown
  }

  /** Lists the current objects of a source, or those at a path and below it. `front`: the source's prefix. */
  async #listCurrent(front: string, path: string | null, after: string | null): Promise<ObjectPage> {
    if (path === null) return this.#store.list(front, after, true)
    const page = await this.#store.list(`${front}${path}/`, after, true)
    const first = after === null ? await this.#store.info(`${front}${path}`) : null
    if (first === null) return page
    // As in a listing: only the store's own time is certain, whoever wrote the object.
    const { firstStoredAt: _, ...listed } = first
    return { ...page, objects: [listed, ...page.objects] }
  }

  /** Lists the current contents; for a time those at the time, also of names that have been removed since. */
  async #listPresent(
    source: string,
    path: string | null,
    after: string | null,
    at: number | null,
    isWanted: (file: string) => boolean,
    shown: Set<number> | undefined,
  ): Promise<{ contents: StoredContent[]; next: string | null }> {
    const store = this.#store
    const front = this.#current(source, '')
    const toContents = (objects: readonly ObjectInfo[]) =>
      objects
        .map((info) => toContent(source, info.name.slice(front.length), info.version ?? '', info))
        .filter((one) => isWanted(one.path))
    if (after?.startsWith(REMOVED) !== true) {
      const { objects, next } = await this.#listCurrent(front, path, after)
      for (const { name } of objects) if ((shown?.size ?? 0) < MOST_REMEMBERED) shown?.add(hashName(name))
      const contents = await this.#contentsAt(toContents(objects), at)
      return { contents, next: next ?? (at === null || store.removed === undefined ? null : REMOVED) }
    }
    const from = after.slice(REMOVED.length) || null
    const page = await store.removed?.(`${front}${path ?? ''}`, from, at, true)
    const { objects = [], next = null } = page ?? {}
    const isAt = ({ name }: ObjectInfo) => path === null || `${name}/`.startsWith(`${front}${path}/`)
    return {
      contents: toContents(objects.filter(isAt)),
      next: next === null ? null : `${REMOVED}${next}`,
    }
  }

  /**
   * Lists the contents of names with versions that the listing has not shown: those that have no current object, or had
   * none as it was listed. As many as the store lists versions per request.
   * @param shown left out: only names without a current object.
   */
  async #listNameless(
    source: string,
    path: string | null,
    after: string | null,
    isWanted: (file: string) => boolean,
    shown: Set<number> | undefined,
  ): Promise<{ contents: StoredContent[]; next: string | null }> {
    const front = this.#versions(source)
    const { objects, next } = await this.#store.list(path === null ? front : `${front}${path}/`, after, true)
    const files = new Set<string>()
    for (const { name } of objects) {
      const at = name.lastIndexOf('/')
      if (isVersionName(name.slice(at + 1)) && at > front.length) files.add(name.slice(front.length, at))
    }
    const hasShown = (file: string) => shown?.has(hashName(this.#current(source, file)))
    const unseen = [...files].filter((file) => isWanted(file) && hasShown(file) !== true)
    const looked = await Promise.all(
      unseen.map((file) => withPermit(this.#slots, () => this.#findUnseen(source, file))),
    )
    // Only a listing that remembers all its names has not shown a name for certain.
    const isWhole = shown !== undefined && shown.size < MOST_REMEMBERED
    const contents = looked.flatMap((one) => (one !== null && (isWhole || one.version !== '') ? one : []))
    for (const { path: file } of contents) shown?.add(hashName(this.#current(source, file)))
    return { contents, next }
  }

  /**
   * Returns the content of a name with versions that was not listed: the current one, or the newest version; null: a
   * directory has the name.
   */
  async #findUnseen(source: string, file: string): Promise<StoredContent | null> {
    const name = this.#current(source, file)
    const current = await this.#store.info(name)
    if (current !== null) {
      const { firstStoredAt: _, ...listed } = current
      return toContent(source, file, '', listed)
    }
    const { objects, directories } = await this.#store.list(`${name}/`, null, false)
    if (objects.length + directories.length > 0) return null
    return (await this.#olderContents(source, file)).find(({ version }) => isVersionName(version)) ?? null
  }

  /**
   * Returns the files of a directory that have no current object, as objects of their names.
   * @param whole the listing of the directory, if it has one page.
   */
  async #namelessIn(source: string, directory: string, whole: ObjectPage | null): Promise<ObjectInfo[]> {
    const below = directory === '' ? '' : `${directory}/`
    const front = `${this.#versions(source)}${below}`
    const versioned = new Set<string>()
    for await (const page of this.#pages(front))
      for (const one of page.directories) versioned.add(one.slice(front.length, -1))
    if (versioned.size === 0) return []
    const here = this.#current(source, below)
    const pages = whole === null ? this.#pages(here) : [whole]
    for await (const { objects, directories } of pages) {
      for (const { name } of objects) versioned.delete(name.slice(here.length))
      for (const name of directories) versioned.delete(name.slice(here.length, -1))
    }
    const found: ObjectInfo[] = []
    for (const name of versioned) {
      const newest = await this.#findUnseen(source, `${below}${name}`)
      if (newest === null) continue
      const { facts, digest, storedAt, version } = newest
      found.push({ ...facts, digest, storedAt, version, name: `${here}${name}` })
    }
    return found
  }

  async *#pages(prefix: string): AsyncGenerator<ObjectPage> {
    for (let after: string | null = null; ; ) {
      const page: ObjectPage = await this.#store.list(prefix, after, false)
      yield page
      after = page.next
      if (after === null) return
    }
  }

  /** Returns the contents of a path, newest first: the current one, if there is one, and the older versions. */
  async #allContents(source: string, path: string): Promise<StoredContent[]> {
    const current = await this.#store.info(this.#current(source, path))
    const older = (await this.#olderContents(source, path)).slice(0, MOST_VERSIONS)
    return current === null ? older : [toContent(source, path, '', current), ...older]
  }

  /**
   * Returns the older versions of a path, newest first: those set aside by Holdfast, and those kept by the store
   * itself.
   */
  async #olderContents(source: string, path: string): Promise<StoredContent[]> {
    const front = this.#aside(source, path)
    const aside: StoredContent[] = []
    for (let after: string | null = null; aside.length < MOST_VERSIONS; ) {
      const page: ObjectPage = await this.#store.list(front, after, false)
      for (const info of page.objects) {
        const version = info.name.slice(front.length)
        if (isVersionName(version)) aside.push(toContent(source, path, version, info))
      }
      after = page.next
      if (after === null) break
    }
    const kept = await this.#store.versions(this.#current(source, path))
    return [...aside.reverse(), ...kept.map((info) => toContent(source, path, info.version ?? '', info))]
  }

  /** Returns the contents that these paths had at a time; null: the given ones. */
  async #contentsAt(newest: readonly StoredContent[], at: number | null): Promise<StoredContent[]> {
    if (at === null) return [...newest]
    const found: StoredContent[] = []
    for (const one of newest) {
      const then = await this.#contentAt(one, at)
      if (then !== null) found.push(then)
    }
    return found
  }

  /** Returns the content that a path had at a time; null: none is known. */
  async #contentAt(current: StoredContent, at: number): Promise<StoredContent | null> {
    const store = this.#store
    const { dates } = store.can
    if (dates && current.storedAt <= at) return current
    const { folder, path } = current
    const all = await this.#olderContents(folder, path)
    // The store's own record comes first: whoever has the key can write any time into an object's metadata.
    const kept = all.find(({ version, storedAt }) => !isVersionName(version) && storedAt <= at)
    if (dates && kept !== undefined) return kept
    // If only the mode of an object was changed, the time of its content is in its metadata, which a listing lacks.
    if (dates && ((await store.info(this.#current(folder, path)))?.firstStoredAt ?? Infinity) <= at)
      return current
    // A version that was replaced after this time was current at the time, if it had been stored by then.
    const aside = all.filter(({ version }) => (replacedAt(version) ?? 0) > at).at(-1)
    if (aside !== undefined && dates) {
      const info = await store.info(`${this.#aside(folder, path)}${aside.version}`)
      // If the time of storing was not recorded, the modification time is the earliest possible one.
      if (info !== null && (info.firstStoredAt ?? madeAt(info)) <= at) return aside
    }
    if (dates) return null
    const then = aside ?? current
    return madeAt(then.facts) <= at ? then : null
  }

  async #open(content: StoredContent): Promise<Incoming> {
    const info = await this.#store.info(...this.#locate(content)).catch((error: unknown) => {
      throw this.#translate(error)
    })
    if (info === null) throw new NotReadable('ENOENT')
    const facts = toFileMetadata(info)
    const { digest } = info
    if (facts.size > SMALL_BYTES)
      return { facts, digest, pieces: () => this.#readInTurn(content, facts.size) }
    const came: Buffer[] = []
    try {
      for await (const piece of this.#read(content, facts.size)) came.push(Buffer.from(piece))
    } catch (error) {
      // Only the expected content counts as being in cold storage.
      const isOther = facts.size !== content.facts.size || differs(digest, content.digest)
      if (!(error instanceof NotReadable && error.message === COLD && isOther)) throw error
    }
    const bytes = Buffer.concat(came)
    return { facts, digest, pieces: () => [bytes] }
  }

  async *#readInTurn(content: StoredContent, size: number): AsyncGenerator<Buffer> {
    await this.#slots.acquire()
    using _ = defer(() => this.#slots.release())
    yield* this.#read(content, size)
  }

  async *#read(content: StoredContent, size: number): AsyncGenerator<Buffer> {
    const [object, version] = this.#locate(content)
    let bytes = 0
    try {
      for await (const piece of this.#store.read(object, 0, this.#signal, version)) {
        yield Buffer.from(piece.buffer, piece.byteOffset, piece.length)
        bytes += piece.length
        // Longer than recorded: it is not the stored content, and might be endless.
        if (bytes > size) return
      }
    } catch (error) {
      throw this.#translate(error)
    }
  }

  /** Returns the object of a content, and its version if the store keeps it. */
  #locate({ folder, path, version }: StoredContent): [name: string, version: string | null] {
    if (isVersionName(version)) return [`${this.#aside(folder, path)}${version}`, null]
    return [this.#current(folder, path), version === '' ? null : version]
  }

  /** Returns the name of a path's current object. */
  #current(source: string, path: string): string {
    return `${this.#folder}/${source}/${path}`
  }

  /** Returns the prefix of a path's older versions that Holdfast has set aside. */
  #aside(source: string, path: string): string {
    return `${this.#versions(source)}${path}/`
  }

  /** Returns the prefix of all older versions of a source that Holdfast has set aside. */
  #versions(source: string): string {
    return `${this.#folder}/${OWN_DIRECTORY}/versions/${source}/`
  }
}

/**
 * Lists the names of the directories directly below a prefix.
 * @param at the destination's name.
 * @throws UserError if there are too many; BackendError.
 */
const directoriesIn = (store: ObjectStore, at: string, prefix: string): Promise<string[]> =>
  listAll(
    (after) => store.list(prefix, after, false),
    ({ directories }) => toDirectoryNames(prefix, directories),
    { at, prefix },
  )

const toDirectoryNames = (prefix: string, directories: readonly string[]): string[] =>
  directories
    .map((directory) => directory.slice(prefix.length, -1))
    .filter((name) => findNameFault(name, 'linux') === null && !name.includes('/'))

/** Returns the direct entries of a directory. `front`: the prefix of all names in it. */
function toEntries(front: string, { directories, objects }: ObjectPage): RestoreEntry[] {
  const all = [
    ...directories.map((one): RestoreEntry => {
      return { name: one.slice(front.length, -1), kind: 'directory', size: 0, mtimeMs: 0 }
    }),
    ...objects.map(({ name, size, mtimeNs }): RestoreEntry => {
      return { name: name.slice(front.length), kind: 'file', size, mtimeMs: Number(mtimeNs) / 1e6 }
    }),
  ]
  const entries = all.filter(({ name }) => findNameFault(name, 'linux') === null && !name.includes('/'))
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
}

const toContent = (folder: string, path: string, version: string, info: ObjectInfo): StoredContent => ({
  ...{ folder, path, version, storedAt: info.firstStoredAt ?? info.storedAt },
  facts: toFileMetadata(info),
  digest: info.digest,
})

/** Returns the metadata of an object as a file's metadata. The owner is the user who restores it. */
const toFileMetadata = ({ size, mtimeNs, mode }: ObjectInfo): FileMetadata => ({
  ...{ size, mtimeNs, mode, more: null },
  user: process.getuid?.() ?? 0,
  group: process.getgid?.() ?? 0,
})

const differs = (a: Uint8Array | null, b: Uint8Array | null): boolean =>
  a !== null && b !== null && Buffer.compare(a, b) !== 0

const madeAt = ({ mtimeNs }: { mtimeNs: bigint }): number => Number(mtimeNs) / 1e6

/** Parses a cursor: its listing, the folder that a page belongs to, and the position in it where the next page begins. */
function parseCursor(text: string | null): [listing: number, folder: number, after: string | null] | null {
  if (text === null) return null
  const [listing = '', folder = ''] = text.split(' ', 2)
  const rest = text.slice(listing.length + folder.length + 2)
  return [Number(listing), Number(folder), rest === '' ? null : rest]
}

/** Returns 48 bits of a name's digest: they need less memory than the name. */
const hashName = (name: string): number => Buffer.from(computeDigest(Buffer.from(name))).readUIntBE(0, 6)
