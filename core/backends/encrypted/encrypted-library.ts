import type { Decrypter } from 'age-encryption'
import { ignoreError } from '../../dropped-errors.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { errorText } from '../../platform/system-error.ts'
import type { CountsQuestion, EntriesQuestion, Folder, RestoreEntry } from '../../protocol/frames.ts'
import { loadIdentity } from '../../protocol/identity.ts'
import type { Encryption } from '../../settings/destination-schema.ts'
import type {
  ContentsPage,
  CountsPage,
  EntriesPage,
  StoreContentsQuestion,
  StoredContent,
} from '../../store/query/query.ts'
import type { LibrarySettings } from '../backend-messages.ts'
import { NotReadable } from '../errors.ts'
import type { Incoming, Library, OpenContent } from '../library.ts'
import { decryptedSize, decrypterFor, encryptedSize, plainName, sealedName } from './age.ts'
import {
  deriveNameKey,
  hiddenPath,
  looksHidden,
  type NameKey,
  nameKeysIn,
  shownPath,
  shownSource,
} from './names.ts'

/** Prefix of a cursor that leads to further contents of one file. */
const OF_FILE = 'file '

/** A source's directory. */
interface Place extends Folder {
  /** Its name at the destination. */
  there: string
  /** The key that hides the names in it. A computer that was replaced had a different key. */
  key: NameKey
}

/** Decrypts the names and contents of an encrypted destination. */
class EncryptedLibrary implements Library {
  readonly #library: Library
  readonly #decrypter: Decrypter | null
  readonly #keys: readonly Uint8Array[]
  readonly #places = new Map<string, Place>()

  /**
   * @param decrypter null: only names, sizes and times can be read.
   * @param keys keys that names may be hidden with. A name that no key opens keeps its hidden form.
   */
  constructor(library: Library, decrypter: Decrypter | null, keys: readonly Uint8Array[]) {
    this.#library = library
    this.#decrypter = decrypter
    this.#keys = keys
  }

  get place(): string | null {
    return this.#library.place
  }

  get mayLoseFacts(): boolean {
    return this.#library.mayLoseFacts ?? false
  }

  async folders(): Promise<Folder[]> {
    await this.#readPlaces()
    return [...this.#places.values()].map(({ name, source }) => ({ name, source }))
  }

  async entries(question: EntriesQuestion): Promise<EntriesPage> {
    const { there: folder, key } = await this.#findPlace(question.folder)
    const directory = hiddenPath(key, question.directory)
    const page = await this.#library.entries({ ...question, folder, directory })
    const entries = page.entries.flatMap((entry) => plainEntry(entry, key, question.directory))
    return { ...page, entries: entries.sort((a, b) => (a.name < b.name ? -1 : 1)) }
  }

  async contents(question: StoreContentsQuestion): Promise<ContentsPage> {
    const { folder, path, after } = question
    if (folder === null && this.#keys.length > 0 && this.#places.size === 0) await this.#readPlaces()
    if (folder === null) return this.#list(question)
    const place = await this.#findPlace(folder)
    const there = { ...question, folder: place.there }
    if (path === null) return this.#list(there)
    // The path may be a file or a directory. The cursor records which of the two the previous page listed.
    const at = hiddenPath(place.key, path)
    const isOn = after?.startsWith(OF_FILE) === true
    if (after !== null && !isOn) return this.#list({ ...there, path: at })
    const on = isOn ? after.slice(OF_FILE.length) : null
    const file = await this.#list({ ...there, path: sealedName(at), after: on })
    // If a directory has the same name as the file, the answer contains the files in that directory, too.
    const isFile = isOn || file.contents.some((one) => one.path === path)
    if (!isFile) return this.#list({ ...there, path: at })
    return { ...file, next: file.next === null ? null : OF_FILE + file.next }
  }

  async counts(question: CountsQuestion): Promise<CountsPage | null> {
    const { folder, path } = question
    const place = folder === null ? null : await this.#findPlace(folder)
    const directory = place === null || path === null ? path : hiddenPath(place.key, path)
    const there = { ...question, folder: place?.there ?? null, path: directory }
    return (await this.#library.counts?.(there)) ?? null
  }

  async open(content: StoredContent, options?: OpenContent): Promise<Incoming> {
    const decrypter = this.#decrypter
    // Not NotReadable: this applies to all contents, not to this one alone, and sending it again would not help.
    if (decrypter === null) throw new UserError('transfer.objects.needsIdentity')
    const incoming = await this.#library.open(await this.#toSealed(content), options)
    return {
      facts: { ...incoming.facts, size: decryptedSize(incoming.facts.size) },
      digest: null,
      pieces: () => opened(incoming, decrypter),
    }
  }

  async thaw(content: StoredContent): Promise<void> {
    await this.#library.thaw?.(await this.#toSealed(content))
  }

  close(): void {
    this.#library.close()
  }

  /** Returns a content as the destination has it. */
  async #toSealed(content: StoredContent): Promise<StoredContent> {
    const { there: folder, key } = await this.#findPlace(content.folder)
    const path = sealedName(hiddenPath(key, content.path))
    const facts = { ...content.facts, size: encryptedSize(content.facts.size) }
    return { ...content, folder, path, facts, digest: null }
  }

  async #readPlaces(): Promise<void> {
    const folders = await this.#library.folders()
    const places = this.#places
    places.clear()
    for (const { name: there, source } of folders) {
      const key = this.#keys.find((one) => shownSource(one, there) !== null) ?? null
      const shown = key === null ? null : shownSource(key, there)
      // A source that was added a second time has another directory, with a number after its name.
      const number = /-\d+$/.exec(there)?.[0] ?? ''
      const name = shown === null ? there : places.has(shown) ? `${shown}${number}` : shown
      places.set(name, { name, source, there, key })
    }
  }

  async #findPlace(name: string): Promise<Pick<Place, 'there' | 'key'>> {
    if (this.#keys.length > 0 && !this.#places.has(name)) await this.#readPlaces()
    return this.#places.get(name) ?? { there: name, key: null }
  }

  #placeThere(there: string): Pick<Place, 'name' | 'key'> {
    return [...this.#places.values()].find((one) => one.there === there) ?? { name: there, key: null }
  }

  async #list(question: StoreContentsQuestion): Promise<ContentsPage> {
    const text = question.text?.toLowerCase() ?? ''
    const page = await this.#library.contents({ ...question, text: null })
    const contents = page.contents.flatMap((one) => plainContent(one, this.#placeThere(one.folder)))
    const directories = page.directories.map((one) => {
      const { name: folder, key } = this.#placeThere(one.folder)
      return { ...one, folder, path: shownPath(key, one.path) }
    })
    return {
      ...page,
      directories,
      contents: contents.filter(({ path }) => path.toLowerCase().includes(text)),
    }
  }
}

/**
 * Wraps a library so that contents and names appear as they were sent. This computer can read the names that it has
 * hidden itself; other computers need the age identity, as for contents.
 * @param there how the destination's files are encrypted.
 * @param nameKeys reads the encrypted name keys from the destination.
 * @throws UserError also if names stay hidden although the identity is given: the restored files would be unusable.
 */
export async function decryptLibrary(
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

/**
 * Returns a content with its decrypted name and size, or nothing if it was not encrypted. age verifies its integrity.
 */
function plainContent(content: StoredContent, { name, key }: Pick<Place, 'name' | 'key'>): StoredContent[] {
  const path = plainName(content.path)
  if (path === null) return []
  const facts = { ...content.facts, size: decryptedSize(content.facts.size) }
  return [{ ...content, folder: name, path: shownPath(key, path), facts, digest: null }]
}

function plainEntry(entry: RestoreEntry, key: NameKey, directory: string): RestoreEntry[] {
  if (entry.kind === 'directory') return [{ ...entry, name: shownPath(key, entry.name, directory) }]
  const name = plainName(entry.name)
  if (name === null) return []
  return [{ ...entry, name: shownPath(key, name, directory), size: decryptedSize(entry.size) }]
}

async function* inTurn(pieces: ReturnType<Incoming['pieces']>): AsyncGenerator<Buffer> {
  yield* pieces
}

/** @throws NotReadable also if the data is damaged or was encrypted for another key. */
async function* opened(sealed: Pick<Incoming, 'pieces'>, decrypter: Decrypter): AsyncGenerator<Buffer> {
  const pieces = inTurn(sealed.pieces())
  /** The reason why reading failed. */
  let failure: unknown = null
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await pieces.next()
        // Copied: age may keep a piece after the next one was requested.
        if (done === true) controller.close()
        else controller.enqueue(new Uint8Array(value))
      } catch (error) {
        failure = error
        throw error
      }
    },
    async cancel() {
      await pieces.return(undefined)
    },
  })
  try {
    for await (const { buffer, byteOffset, length } of await decrypter.decrypt(stream))
      yield Buffer.from(buffer, byteOffset, length)
  } catch (error) {
    throw failure ?? new NotReadable(`damaged: ${errorText(error)}`.slice(0, 200), { cause: error })
  }
}
