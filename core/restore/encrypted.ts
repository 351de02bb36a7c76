import type { Decrypter } from 'age-encryption'
import { errorText } from '../files/system-error.ts'
import { decryptedSize, encryptedSize, plainName, sealedName } from '../send/destinations/encrypted/age.ts'
import type { NameKey } from '../send/destinations/encrypted/names.ts'
import { hiddenPath, shownPath, shownSource } from '../send/destinations/encrypted/names.ts'
import type { ContentsPage, StoreContentsQuestion, StoredContent } from '../store/reading/contents.ts'
import type { Folder, RestoreEntry } from '../wire/restore-entries.ts'
import { Problem } from '../words/problem.ts'
import type { Library } from './library.ts'
import type { Incoming } from './put/incoming.ts'
import { NotReadable } from './put/incoming.ts'

/** How a cursor begins that leads to further contents of one file. */
const OF_FILE = 'file '

/** A source's directory. */
interface Place extends Folder {
  /** What it is called there. */
  there: string
  /** What hides the names in it: of a computer that was replaced it is another one. */
  key: NameKey
}

/**
 * What a destination has that is encrypted, as it was before.
 * @param decrypter null: names, sizes and times can be seen all the same.
 * @param keys those that names may be hidden with; what none of them opens keeps the name that it has there.
 */
export function encryptedLibrary(
  library: Library,
  decrypter: Decrypter | null,
  keys: readonly Uint8Array[],
): Library {
  const places = new Map<string, Place>()

  const look = async (): Promise<Place[]> => {
    const folders = await library.folders()
    places.clear()
    for (const { name: there, source } of folders) {
      const key = keys.find((one) => shownSource(one, there) !== null) ?? null
      const shown = key === null ? null : shownSource(key, there)
      // One that was added anew has another directory, with a number behind its name.
      const number = /-\d+$/.exec(there)?.[0] ?? ''
      const name = shown === null ? there : places.has(shown) ? `${shown}${number}` : shown
      places.set(name, { name, source, there, key })
    }
    return [...places.values()]
  }
  const placeOf = async (name: string): Promise<Place> => {
    if (keys.length > 0 && !places.has(name)) await look()
    return places.get(name) ?? { name, source: null, there: name, key: null }
  }
  const placeThere = (there: string): Pick<Place, 'name' | 'key'> =>
    [...places.values()].find((one) => one.there === there) ?? { name: there, key: null }

  /** A content as it was before it was encrypted; nothing, where it never was. Age itself tells whether it is whole. */
  const plainContent = (content: StoredContent): StoredContent[] => {
    const path = plainName(content.path)
    if (path === null) return []
    const facts = { ...content.facts, size: decryptedSize(content.facts.size) }
    const { name: folder, key } = placeThere(content.folder)
    return [{ ...content, folder, path: shownPath(key, path), facts, digest: null }]
  }
  const plainEntry = (entry: RestoreEntry, key: NameKey, directory: string): RestoreEntry[] => {
    if (entry.kind === 'directory') return [{ ...entry, name: shownPath(key, entry.name, directory) }]
    const name = plainName(entry.name)
    if (name === null) return []
    return [{ ...entry, name: shownPath(key, name, directory), size: decryptedSize(entry.size) }]
  }
  const ask = async (question: StoreContentsQuestion): Promise<ContentsPage> => {
    const text = question.text?.toLowerCase() ?? ''
    const page = await library.contents({ ...question, text: null })
    const contents = page.contents.flatMap(plainContent)
    const directories = page.directories.map((one) => {
      const { name: folder, key } = placeThere(one.folder)
      return { ...one, folder, path: shownPath(key, one.path) }
    })
    return {
      ...page,
      directories,
      contents: contents.filter(({ path }) => path.toLowerCase().includes(text)),
    }
  }
  return {
    ...library,
    folders: async () => (await look()).map(({ name, source }) => ({ name, source })),
    async entries(question) {
      const { there: folder, key } = await placeOf(question.folder)
      const directory = hiddenPath(key, question.directory)
      const page = await library.entries({ ...question, folder, directory })
      const entries = page.entries.flatMap((entry) => plainEntry(entry, key, question.directory))
      return { ...page, entries: entries.sort((a, b) => (a.name < b.name ? -1 : 1)) }
    },
    async contents(question) {
      const { folder, path, after } = question
      if (folder === null && keys.length > 0 && places.size === 0) await look()
      if (folder === null) return ask(question)
      const place = await placeOf(folder)
      const there = { ...question, folder: place.there }
      if (path === null) return ask(there)
      // It is a file or a directory; the next page is of what the one before was of.
      const at = hiddenPath(place.key, path)
      const isOn = after?.startsWith(OF_FILE) === true
      if (after !== null && !isOn) return ask({ ...there, path: at })
      const on = isOn ? after.slice(OF_FILE.length) : null
      const file = await ask({ ...there, path: sealedName(at), after: on })
      // Of a directory that is called so, too, it has what is in it.
      const isFile = isOn || file.contents.some((one) => one.path === path)
      if (!isFile) return ask({ ...there, path: at })
      return { ...file, next: file.next === null ? null : OF_FILE + file.next }
    },
    async open(content) {
      // For all of them alike: it is no fault of this one, which nobody has to send again.
      if (decrypter === null) throw new Problem('transfer.objects.needsIdentity')
      const { there: folder, key } = await placeOf(content.folder)
      const path = sealedName(hiddenPath(key, content.path))
      const facts = { ...content.facts, size: encryptedSize(content.facts.size) }
      const incoming = await library.open({ ...content, folder, path, facts, digest: null })
      return {
        facts: { ...incoming.facts, size: decryptedSize(incoming.facts.size) },
        digest: null,
        pieces: () => opened(incoming, decrypter),
      }
    },
  }
}

async function* inTurn(pieces: ReturnType<Incoming['pieces']>): AsyncGenerator<Buffer> {
  yield* pieces
}

/** @throws NotReadable also where it is not what was encrypted, or the key is another one. */
async function* opened(sealed: Pick<Incoming, 'pieces'>, decrypter: Decrypter): AsyncGenerator<Buffer> {
  const pieces = inTurn(sealed.pieces())
  /** Why it cannot be read. */
  let failure: unknown = null
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await pieces.next()
        // Copied: age may keep a piece beyond the next one.
        if (done === true) controller.close()
        else controller.enqueue(new Uint8Array(value))
      } catch (thrown) {
        failure = thrown
        throw thrown
      }
    },
    async cancel() {
      await pieces.return(undefined)
    },
  })
  try {
    for await (const { buffer, byteOffset, length } of await decrypter.decrypt(stream))
      yield Buffer.from(buffer, byteOffset, length)
  } catch (thrown) {
    throw failure ?? new NotReadable(`damaged: ${errorText(thrown)}`.slice(0, 200), { cause: thrown })
  }
}
