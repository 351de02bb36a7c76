import type { FileFacts } from '../files/facts.ts'
import { createSemaphore, type Semaphore, withPermit } from '../pacing/semaphore.ts'
import {
  type ObjectInfo,
  type ObjectPage,
  type ObjectStore,
  StoreFault,
} from '../send/destinations/objects/object-store.ts'
import { readOwner } from '../send/destinations/objects/owner.ts'
import { OWN_DIRECTORY } from '../store/layout.ts'
import type { ContentsPage, StoreContentsQuestion, StoredContent } from '../store/reading/contents.ts'
import type { EntriesPage } from '../store/reading/entries.ts'
import { isVersionName } from '../store/versions/name.ts'
import { nameFault } from '../wire/names.ts'
import type { EntriesQuestion, Folder, RestoreEntry } from '../wire/restore-entries.ts'
import { Problem } from '../words/problem.ts'
import { type Library, SMALL_BYTES } from './library.ts'
import { objectContents } from './object-contents.ts'
import { type Incoming, NotReadable } from './put/incoming.ts'

/** Directories of computers, or of sources: beyond this nobody looks. */
const MOST_FOLDERS = 10_000

/** What the directories right below a prefix are called. */
export async function directoriesIn(store: ObjectStore, prefix: string): Promise<string[]> {
  const found: string[] = []
  for (let after: string | null = null; found.length < MOST_FOLDERS; ) {
    const page = await store.list(prefix, after, false)
    found.push(...page.directories.map((directory) => directory.slice(prefix.length, -1)))
    after = page.next
    if (after === null) break
  }
  return found.filter((name) => nameFault(name) === null && !name.includes('/'))
}

interface ObjectLibraryOptions {
  /** The destination's name, for people. */
  name: string
  /** The computer's folder there (core/send/destinations/objects/names.ts). */
  folder: string
  signal: AbortSignal
}

/** What is kept of an object, as a file's facts: its owner is whoever restores it. */
export const factsOfObject = ({ size, mtimeNs, mode }: ObjectInfo): FileFacts => ({
  ...{ size, mtimeNs, mode, more: null },
  user: process.getuid?.() ?? 0,
  group: process.getgid?.() ?? 0,
})

/** Where a content is: an older one has a name of its own, or the store keeps it under its name. */
const placeOf = (folder: string, content: StoredContent): [name: string, version: string | null] => {
  const { folder: directory, path, version } = content
  if (isVersionName(version))
    return [`${folder}/${OWN_DIRECTORY}/versions/${directory}/${path}/${version}`, null]
  return [`${folder}/${directory}/${path}`, version === '' ? null : version]
}

/** @param name the destination's. */
function thrownFor(name: string, thrown: unknown): unknown {
  if (!(thrown instanceof StoreFault)) return thrown
  if (thrown.kind === 'absent') return new NotReadable('ENOENT', { cause: thrown })
  if (thrown.kind === 'lost')
    return new Problem('restore.notTold', { name, reason: thrown.reason }, { cause: thrown })
  return new NotReadable(`${thrown.kind}: ${thrown.reason}`.slice(0, 200), { cause: thrown })
}

/** What is right in a directory, of which `front` is how all names in it begin. */
function entriesIn(front: string, { directories, objects }: ObjectPage): RestoreEntry[] {
  const all = [
    ...directories.map((one): RestoreEntry => {
      return { name: one.slice(front.length, -1), kind: 'directory', size: 0, mtimeMs: 0 }
    }),
    ...objects.map(({ name, size, mtimeNs }): RestoreEntry => {
      return { name: name.slice(front.length), kind: 'file', size, mtimeMs: Number(mtimeNs) / 1e6 }
    }),
  ]
  const entries = all.filter(({ name }) => nameFault(name) === null && !name.includes('/'))
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** What a computer has in a store of objects. */
export class ObjectLibrary implements Library {
  readonly place = null
  readonly #store: ObjectStore
  readonly #options: ObjectLibraryOptions
  readonly #slots: Semaphore

  constructor(store: ObjectStore, options: ObjectLibraryOptions) {
    this.#store = store
    this.#options = options
    this.#slots = createSemaphore(Math.max(1, store.can.parallel))
  }

  folders(): Promise<Folder[]> {
    const { name, folder, signal } = this.#options
    return this.#asked(async () => {
      const owner = await readOwner(this.#store, folder, name, signal)
      const sources = Object.entries(owner?.sources ?? {})
      return (await this.#directories()).map((own) => {
        return { name: own, source: sources.find(([, directory]) => directory === own)?.[0] ?? null }
      })
    })
  }

  entries({ folder, directory, after }: EntriesQuestion): Promise<EntriesPage> {
    return this.#asked(async () => {
      const parts = [this.#options.folder, folder, directory].filter((part) => part !== '')
      const front = `${parts.join('/')}/`
      const page = await this.#store.list(front, after, false)
      return { entries: entriesIn(front, page), next: page.next }
    })
  }

  contents(question: StoreContentsQuestion): Promise<ContentsPage> {
    const { folder } = this.#options
    return this.#asked(() => objectContents(this.#store, folder, () => this.#directories(), question))
  }

  open(content: StoredContent): Promise<Incoming> {
    return withPermit(this.#slots, () => this.#open(content))
  }

  close(): void {
    this.#store.close()
  }

  async #asked<T>(look: () => Promise<T>): Promise<T> {
    const { name } = this.#options
    try {
      return await look()
    } catch (thrown) {
      const known = thrownFor(name, thrown)
      if (known instanceof NotReadable)
        throw new Problem('restore.notTold', { name, reason: known.message }, { cause: thrown })
      throw known
    }
  }

  async #directories(): Promise<string[]> {
    const all = await directoriesIn(this.#store, `${this.#options.folder}/`)
    return all.filter((own) => own !== OWN_DIRECTORY)
  }

  async #open(content: StoredContent): Promise<Incoming> {
    const { name, folder } = this.#options
    const [object, version] = placeOf(folder, content)
    const info = await this.#store.info(object, version).catch((thrown: unknown) => {
      throw thrownFor(name, thrown)
    })
    if (info === null) throw new NotReadable('ENOENT')
    const facts = factsOfObject(info)
    const { digest } = info
    const { size } = facts
    if (size > SMALL_BYTES) return { facts, digest, pieces: () => this.#inTurn(content, size) }
    const came: Buffer[] = []
    for await (const piece of this.#piecesOf(content, size)) came.push(Buffer.from(piece))
    const bytes = Buffer.concat(came)
    return { facts, digest, pieces: () => [bytes] }
  }

  async *#inTurn(content: StoredContent, size: number): AsyncGenerator<Buffer> {
    await this.#slots.acquire()
    try {
      yield* this.#piecesOf(content, size)
    } finally {
      this.#slots.release()
    }
  }

  async *#piecesOf(content: StoredContent, size: number): AsyncGenerator<Buffer> {
    const { name, folder, signal } = this.#options
    const [object, version] = placeOf(folder, content)
    let bytes = 0
    try {
      for await (const piece of this.#store.read(object, 0, signal, version)) {
        yield Buffer.from(piece.buffer, piece.byteOffset, piece.length)
        bytes += piece.length
        // Longer than it says: it is not what was stored, and may have no end.
        if (bytes > size) return
      }
    } catch (thrown) {
      throw thrownFor(name, thrown)
    }
  }
}
