import type { Decrypter } from 'age-encryption'
import { createHasher } from '../files/digest.ts'
import { errorText } from '../files/system-error.ts'
import { decryptedSize, encryptedSize, plainName, sealedName } from '../send/destinations/encrypted/age.ts'
import { openFeed } from '../send/destinations/encrypted/feed.ts'
import type { ContentsQuestion, StoredContent } from '../store/reading/contents.ts'
import type { Entry } from '../store/reading/entries.ts'
import type { Incoming, Take } from '../store/restore/incoming.ts'
import { NotReadable } from '../store/restore/incoming.ts'
import { Problem } from '../words/problem.ts'
import type { Library } from './library.ts'

/** A content as it was before it was encrypted; nothing, where it never was. Age itself tells whether it is whole. */
function plainContent(content: StoredContent): StoredContent[] {
  const path = plainName(content.path)
  const facts = { ...content.facts, size: decryptedSize(content.facts.size) }
  return path === null ? [] : [{ ...content, path, facts, digest: null }]
}

function plainEntry(entry: Entry): Entry[] {
  if (entry.kind === 'directory') return [entry]
  const name = plainName(entry.name)
  return name === null ? [] : [{ ...entry, name, size: decryptedSize(entry.size) }]
}

/**
 * What a destination has that is encrypted, as it was before.
 * @param decrypter null: names, sizes and times can be seen all the same.
 */
export function encryptedLibrary(library: Library, decrypter: Decrypter | null): Library {
  const ask = async (question: ContentsQuestion) => {
    const page = await library.contents(question)
    const text = question.text?.toLowerCase() ?? ''
    const contents = page.contents.flatMap(plainContent)
    return { ...page, contents: contents.filter(({ path }) => path.toLowerCase().includes(text)) }
  }
  return {
    ...library,
    async entries(question) {
      const page = await library.entries(question)
      const entries = page.entries.flatMap(plainEntry)
      return { ...page, entries: entries.sort((a, b) => (a.name < b.name ? -1 : 1)) }
    },
    async contents(question) {
      const { path, after } = question
      // It is a file or a directory; only of a directory there is a next page.
      const file = path === null || after !== null ? null : await ask({ ...question, path: sealedName(path) })
      return file !== null && file.contents.length > 0 ? file : ask(question)
    },
    async open(content) {
      // For all of them alike: it is no fault of this one, which nobody has to send again.
      if (decrypter === null) throw new Problem('transfer.objects.needsIdentity')
      const { path, facts } = content
      const sealed = { path: sealedName(path), facts: { ...facts, size: encryptedSize(facts.size) } }
      const incoming = await library.open({ ...content, ...sealed, digest: null })
      return {
        facts: { ...incoming.facts, size: decryptedSize(incoming.facts.size) },
        digest: null,
        read: (take) => readOpened(incoming, decrypter, take),
      }
    },
  }
}

/** @throws NotReadable also where it is not what was encrypted, or the key is another one. */
async function readOpened(
  sealed: Pick<Incoming, 'read'>,
  decrypter: Decrypter,
  take: Take,
): Promise<{ digest: Buffer; size: number }> {
  const feed = openFeed()
  const hasher = createHasher()
  let size = 0
  /** Why it cannot be read, or is not taken. */
  let failure: unknown = null
  const unwanted = new Error('nothing more is wanted')
  const orFail = async (call: () => unknown): Promise<void> => {
    try {
      await call()
    } catch (thrown) {
      if (thrown !== unwanted) failure ??= thrown
      feed.drop()
      throw thrown
    }
  }
  const write = async (piece: Uint8Array): Promise<void> => {
    if (!(await feed.write(piece))) throw unwanted
  }
  const reading = orFail(() => sealed.read(write)).then(feed.end, () => undefined)
  try {
    for await (const { buffer, byteOffset, length } of await decrypter.decrypt(feed.readable)) {
      const piece = Buffer.from(buffer, byteOffset, length)
      hasher.update(piece)
      await orFail(() => take(piece, size))
      size += length
    }
  } catch (thrown) {
    throw failure ?? new NotReadable(`damaged: ${errorText(thrown)}`.slice(0, 200), { cause: thrown })
  } finally {
    feed.drop()
    await reading
  }
  return { digest: hasher.digest(), size }
}
