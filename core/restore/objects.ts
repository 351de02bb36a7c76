import { createSemaphore, withPermit } from '../lib/async/semaphore.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import type { FileMetadata } from '../platform/file-metadata.ts'
import type { Folder, RestoreEntry } from '../protocol/frames.ts'
import { findNameFault } from '../protocol/names.ts'
import { readOwner } from '../send/destinations/objects/folder-owner.ts'
import {
  type ObjectInfo,
  type ObjectPage,
  type ObjectStore,
  StoreFault,
} from '../send/destinations/objects/object-store.ts'
import { OWN_DIRECTORY } from '../store/layout.ts'
import {
  type ContentsPage,
  parseOrigin,
  type StoreContentsQuestion,
  type StoredContent,
} from '../store/query/query.ts'
import { isVersionName, replacedAt } from '../store/retention/retention.ts'
import { type Incoming, type Library, NotReadable, SMALL_BYTES } from './archive-reader.ts'

/** Maximum number of directories (of computers or of sources) to list. */
const MOST_FOLDERS = 10_000

/** Lists the names of the directories directly below a prefix. */
export async function directoriesIn(store: ObjectStore, prefix: string): Promise<string[]> {
  const found: string[] = []
  for (let after: string | null = null; found.length < MOST_FOLDERS; ) {
    const page = await store.list(prefix, after, false)
    found.push(...page.directories.map((directory) => directory.slice(prefix.length, -1)))
    after = page.next
    if (after === null) break
  }
  return found.filter((name) => findNameFault(name) === null && !name.includes('/'))
}

interface ObjectLibraryOptions {
  /** The destination's name, for display. */
  name: string
  /** The computer's folder there (core/send/destinations/objects/names.ts). */
  folder: string
  signal: AbortSignal
}

/** Returns the metadata of an object as a file's metadata. The owner is the user who restores it. */
const toFileFacts = ({ size, mtimeNs, mode }: ObjectInfo): FileMetadata => ({
  ...{ size, mtimeNs, mode, more: null },
  user: process.getuid?.() ?? 0,
  group: process.getgid?.() ?? 0,
})

/** Returns where a content is stored: an older version is a separate object, or a version kept by the store. */
const locateContent = (folder: string, content: StoredContent): [name: string, version: string | null] => {
  const { folder: directory, path, version } = content
  if (isVersionName(version))
    return [`${folder}/${OWN_DIRECTORY}/versions/${directory}/${path}/${version}`, null]
  return [`${folder}/${directory}/${path}`, version === '' ? null : version]
}

/** Translates an error of the store. @param name the destination's name. */
function thrownFor(name: string, error: unknown): unknown {
  if (!(error instanceof StoreFault)) return error
  if (error.kind === 'absent') return new NotReadable('ENOENT', { cause: error })
  if (error.kind === 'lost')
    return new UserError('restore.notTold', { name, reason: error.reason }, { cause: error })
  return new NotReadable(`${error.kind}: ${error.reason}`.slice(0, 200), { cause: error })
}

/** Returns the direct entries of a directory. `front`: the prefix of all names in it. */
function entriesIn(front: string, { directories, objects }: ObjectPage): RestoreEntry[] {
  const all = [
    ...directories.map((one): RestoreEntry => {
      return { name: one.slice(front.length, -1), kind: 'directory', size: 0, mtimeMs: 0 }
    }),
    ...objects.map(({ name, size, mtimeNs }): RestoreEntry => {
      return { name: name.slice(front.length), kind: 'file', size, mtimeMs: Number(mtimeNs) / 1e6 }
    }),
  ]
  const entries = all.filter(({ name }) => findNameFault(name) === null && !name.includes('/'))
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Opens a computer's files in an object store for reading. */
export function openObjectLibrary(store: ObjectStore, options: ObjectLibraryOptions): Library {
  const { name, folder, signal } = options
  const slots = createSemaphore(Math.max(1, store.can.parallel))

  const asked = async <T>(look: () => Promise<T>): Promise<T> => {
    try {
      return await look()
    } catch (error) {
      const known = thrownFor(name, error)
      if (known instanceof NotReadable)
        throw new UserError('restore.notTold', { name, reason: known.message }, { cause: error })
      throw known
    }
  }

  async function* inTurn(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    await slots.acquire()
    try {
      yield* pieces
    } finally {
      slots.release()
    }
  }

  const open = async (content: StoredContent): Promise<Incoming> => {
    const [object, version] = locateContent(folder, content)
    const info = await store.info(object, version).catch((error: unknown) => {
      throw thrownFor(name, error)
    })
    if (info === null) throw new NotReadable('ENOENT')
    const facts = toFileFacts(info)
    const { digest } = info
    const read = () => readPieces(store, options, content, facts.size)
    if (facts.size > SMALL_BYTES) return { facts, digest, pieces: () => inTurn(read()) }
    const came: Buffer[] = []
    for await (const piece of read()) came.push(Buffer.from(piece))
    const bytes = Buffer.concat(came)
    return { facts, digest, pieces: () => [bytes] }
  }

  const directories = async (): Promise<string[]> =>
    (await directoriesIn(store, `${folder}/`)).filter((own) => own !== OWN_DIRECTORY)

  return {
    place: null,
    folders: () =>
      asked(async () => toFolders(await readOwner(store, folder, name, signal), await directories())),
    entries: ({ folder: source, directory, after }) =>
      asked(async () => {
        const front = `${[folder, source, directory].filter((part) => part !== '').join('/')}/`
        const page = await store.list(front, after, false)
        return { entries: entriesIn(front, page), next: page.next }
      }),
    contents: (question) => asked(() => objectContents(store, folder, directories, question)),
    open: (content) => withPermit(slots, () => open(content)),
    close: () => store.close(),
  }
}

function toFolders(owner: Awaited<ReturnType<typeof readOwner>>, directories: readonly string[]): Folder[] {
  const sources = Object.entries(owner?.sources ?? {})
  return directories.map((name) => {
    return { name, source: sources.find(([, directory]) => directory === name)?.[0] ?? null }
  })
}

async function* readPieces(
  store: ObjectStore,
  { name, folder, signal }: ObjectLibraryOptions,
  content: StoredContent,
  size: number,
): AsyncGenerator<Buffer> {
  const [object, version] = locateContent(folder, content)
  let bytes = 0
  try {
    for await (const piece of store.read(object, 0, signal, version)) {
      yield Buffer.from(piece.buffer, piece.byteOffset, piece.length)
      bytes += piece.length
      // Longer than recorded: it is not the stored content, and might be endless.
      if (bytes > size) return
    }
  } catch (error) {
    throw thrownFor(name, error)
  }
}

/** Maximum number of older versions to list for one name. */
const MOST_VERSIONS = 10_000

const toContent = (folder: string, path: string, version: string, info: ObjectInfo): StoredContent => ({
  ...{ folder, path, version, storedAt: info.firstStoredAt ?? info.storedAt },
  facts: toFileFacts(info),
  digest: info.digest,
})

const asideAt = (own: string, folder: string, path: string): string =>
  `${own}/${OWN_DIRECTORY}/versions/${folder}/${path}/`

const madeAt = ({ mtimeNs }: { mtimeNs: bigint }): number => Number(mtimeNs) / 1e6

/**
 * Returns the older versions of a path, newest first: those set aside by Holdfast, and those kept by the store itself.
 */
async function olderContents(
  store: ObjectStore,
  own: string,
  folder: string,
  path: string,
): Promise<StoredContent[]> {
  const front = asideAt(own, folder, path)
  const aside: StoredContent[] = []
  for (let after: string | null = null; aside.length < MOST_VERSIONS; ) {
    const page: ObjectPage = await store.list(front, after, false)
    for (const info of page.objects) {
      const version = info.name.slice(front.length)
      if (isVersionName(version)) aside.push(toContent(folder, path, version, info))
    }
    after = page.next
    if (after === null) break
  }
  const kept = await store.versions(`${own}/${folder}/${path}`)
  return [
    ...aside.reverse(),
    ...kept.slice(0, MOST_VERSIONS).map((info) => toContent(folder, path, info.version ?? '', info)),
  ]
}

/** Returns the content that a path had at a time; null: none is known. */
async function contentAt(
  store: ObjectStore,
  own: string,
  current: StoredContent,
  at: number,
): Promise<StoredContent | null> {
  const { dates } = store.can
  if (dates && current.storedAt <= at) return current
  const { folder, path } = current
  // If only the mode of an object was changed, the time of its content is in its metadata, which a listing lacks.
  if (dates && ((await store.info(`${own}/${folder}/${path}`))?.firstStoredAt ?? Infinity) <= at)
    return current
  const all = await olderContents(store, own, folder, path)
  // A version that was replaced after this time was current at the time, if it had been stored by then.
  const aside = all.filter(({ version }) => (replacedAt(version) ?? 0) > at).at(-1)
  if (aside !== undefined && dates) {
    const info = await store.info(`${asideAt(own, folder, path)}${aside.version}`)
    // If the time of storing was not recorded, the modification time is the earliest possible one.
    if (info !== null && (info.firstStoredAt ?? madeAt(info)) <= at) return aside
  }
  if (dates) return all.find(({ version, storedAt }) => !isVersionName(version) && storedAt <= at) ?? null
  const then = aside ?? current
  return madeAt(then.facts) <= at ? then : null
}

/** The folder that a page belongs to, and the position in it where the next page begins. */
type Cursor = [folder: number, after: string | null]

function parseCursor(text: string | null): Cursor {
  if (text === null) return [0, null]
  const at = text.indexOf(' ')
  const rest = text.slice(at + 1)
  return [Number(text.slice(0, at)), rest === '' ? null : rest]
}

/** Returns one page of a computer's contents in an object store: as many as the store lists per request. */
async function objectContents(
  store: ObjectStore,
  own: string,
  listFolders: () => Promise<string[]>,
  question: StoreContentsQuestion,
): Promise<ContentsPage> {
  const page: ContentsPage = { contents: [], directories: [], strange: 0, next: null }
  const { folder, path, at, version, isList } = question
  if (parseOrigin(own, folder, path) === null) return page
  const folders = folder === null ? await listFolders() : [folder]
  const [index, after] = parseCursor(question.after)
  const source = folders[index]
  if (source === undefined) return page
  if (path !== null && (isList || version !== null)) {
    const current = await store.info(`${own}/${source}/${path}`)
    const all = [
      ...(current === null ? [] : [toContent(source, path, '', current)]),
      ...(await olderContents(store, own, source, path)),
    ]
    page.contents = all.filter((one) => version === null || one.version === version)
    // The path may be a directory.
    if (page.contents.length > 0 || version !== null) return page
  }

  const front = `${own}/${source}/`
  const listed = await store.list(path === null ? front : `${front}${path}/`, after, true)
  const first = path === null || after !== null ? null : await store.info(`${front}${path}`)
  const text = question.text?.toLowerCase() ?? null
  for (const info of first === null ? listed.objects : [first, ...listed.objects]) {
    const file = info.name.slice(front.length)
    if (text !== null && !file.toLowerCase().includes(text)) continue
    const current = toContent(source, file, '', info)
    const wanted = at === null ? current : await contentAt(store, own, current, at)
    if (wanted !== null) page.contents.push(wanted)
  }
  if (listed.next !== null) page.next = `${index} ${listed.next}`
  else if (index + 1 < folders.length) page.next = `${index + 1} `
  return page
}
