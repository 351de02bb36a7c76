import { Readable } from 'node:stream'
import type { Decrypter, Encrypter } from 'age-encryption'
import { createHasher, DIGEST_BYTES, digestOf } from '../../../files/digest.ts'
import { errorText } from '../../../files/system-error.ts'
import { Problem } from '../../../words/problem.ts'
import type { ObjectInfo, ObjectStore, ObjectUpload } from './object-store.ts'
import { StoreFault } from './object-store.ts'

// Contents that are encrypted before they go: each object is a file of the age format (age-encryption.org/v1) for one
// recipient, so that `age -d` opens it alone. Names, times and modes stay as they are.

const ENDING = '.age'

/** Before the content, for one X25519 recipient: the header and a nonce. */
const HEADER_BYTES = 184
/** Each chunk has a tag, an empty content one, too. */
const CHUNK_BYTES = 64 * 1024
const TAG_BYTES = 16

export const encryptedSize = (size: number): number =>
  HEADER_BYTES + size + TAG_BYTES * Math.max(1, Math.ceil(size / CHUNK_BYTES))

/** Of what was encrypted for one X25519 recipient; 0 for what cannot be that. */
export function decryptedSize(size: number): number {
  const payload = size - HEADER_BYTES
  return Math.max(0, payload - TAG_BYTES * Math.ceil(payload / (CHUNK_BYTES + TAG_BYTES)))
}

/** Of no content: without the identity nobody can say what is in there. */
const UNKNOWN = new Uint8Array(DIGEST_BYTES)

/** @throws Problem: it is mistyped, or of a kind that is not used here. */
export async function encrypterFor(recipient: string, name: string): Promise<Encrypter> {
  const age = await import('age-encryption')
  try {
    const encrypter = new age.Encrypter()
    encrypter.addRecipient(recipient)
    const { length } = await encrypter.encrypt(new Uint8Array(0))
    if (length !== encryptedSize(0)) throw new Error('it is not an X25519 recipient')
    return encrypter
  } catch (thrown) {
    throw new Problem('transfer.objects.recipient', { name, recipient, reason: errorText(thrown) })
  }
}

/** @throws Problem: it is mistyped, or of a kind that is not used here. */
export async function decrypterFor(identity: string): Promise<Decrypter> {
  const age = await import('age-encryption')
  try {
    const decrypter = new age.Decrypter()
    decrypter.addIdentity(identity)
    return decrypter
  } catch {
    // What the library says has the key in it.
    throw new Problem('transfer.objects.identity')
  }
}

/** All that has to do with names and sizes. */
function renamed(store: ObjectStore): ObjectStore {
  const plain = (info: ObjectInfo, name: string): ObjectInfo => ({
    ...info,
    name,
    size: decryptedSize(info.size),
    digest: null,
  })
  return {
    ...store,
    async info(name, version) {
      const info = await store.info(`${name}${ENDING}`, version)
      return info === null ? null : plain(info, name)
    },
    setAside: (name, to, isReplaced) => store.setAside(`${name}${ENDING}`, `${to}${ENDING}`, isReplaced),
    async versions(name) {
      return (await store.versions(`${name}${ENDING}`)).map((info) => plain(info, name))
    },
    async list(prefix, after, deep) {
      const page = await store.list(prefix, after, deep)
      const encrypted = page.objects.filter(({ name }) => name.endsWith(ENDING))
      return { ...page, objects: encrypted.map((info) => plain(info, info.name.slice(0, -ENDING.length))) }
    },
    remove: (name) => store.remove(`${name}${ENDING}`),
  }
}

/**
 * What is written is encrypted, and read as it is. An object is never known to be the content that somebody asks for, so
 * whatever the ledger does not know is sent again, and large objects begin anew.
 */
export function encrypted(store: ObjectStore, encrypter: Encrypter): ObjectStore {
  const names = renamed(store)
  const seals = new Map<string, Uint8Array>()
  return {
    ...names,
    sealing: {
      size: encryptedSize,
      take(name) {
        const seal = seals.get(name)
        seals.delete(name)
        return seal
      },
    },
    async info(name, version) {
      const info = await names.info(name, version)
      return info === null ? null : { ...info, digest: UNKNOWN }
    },
    async put(name, bytes, facts, options) {
      const sealed = await encrypter.encrypt(bytes)
      const known = { ...facts, size: sealed.length, digest: digestOf(sealed) }
      await store.put(`${name}${ENDING}`, sealed, known, options)
      seals.set(name, known.digest)
    },
    async begin(name, facts, _resume, options) {
      const known = { ...facts, size: encryptedSize(facts.size), digest: null }
      const upload = await store.begin(`${name}${ENDING}`, known, null, options)
      return encryptingUpload(upload, encrypter, (seal) => void seals.set(name, seal))
    },
    read: (name, from, signal, version) => store.read(`${name}${ENDING}`, from, signal, version),
  }
}

function encryptingUpload(
  upload: ObjectUpload,
  encrypter: Encrypter,
  onSealed: (digest: Uint8Array) => void,
): ObjectUpload {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  const hasher = createHasher()
  let failure: unknown = null
  const run = async (): Promise<void> => {
    for await (const sealed of await encrypter.encrypt(readable)) {
      hasher.update(sealed)
      await upload.write(sealed)
    }
  }
  const sending = run().catch((thrown) => {
    failure = thrown
    // Who writes now waits for a reader that is gone.
    writer.abort(thrown).catch(() => undefined)
  })
  const orFailure = async (call: Promise<void>): Promise<void> => {
    await call.catch((thrown) => {
      failure ??= thrown
    })
    if (failure !== null) throw failure
  }
  return {
    offset: 0,
    write: (bytes) => orFailure(writer.write(Uint8Array.from(bytes))),
    async finish(_digest, makeRoom) {
      await orFailure(writer.close())
      await orFailure(sending)
      const seal = hasher.digest()
      await upload.finish(seal, makeRoom)
      onSealed(seal)
    },
    async abort() {
      await writer.abort().catch(() => undefined)
      await sending
      await upload.abort(false)
    },
  }
}

/**
 * What others have encrypted is read; nothing can be written.
 * @param decrypter null: names, sizes and times can be seen all the same.
 */
export function decrypting(store: ObjectStore, decrypter: Decrypter | null): ObjectStore {
  const readOnly = () => Promise.reject(new StoreFault('denied', 'it is read only'))
  return {
    ...renamed(store),
    put: readOnly,
    begin: readOnly,
    async *read(name, from, signal, version) {
      // For all of them alike: it is no fault of this one, which nobody has to send again.
      if (decrypter === null) throw new Problem('transfer.objects.needsIdentity')
      let skip = from
      const sealed = store.read(`${name}${ENDING}`, 0, signal, version)
      for await (const piece of opened(decrypter, sealed)) {
        const some = Math.min(skip, piece.length)
        skip -= some
        if (some < piece.length) yield piece.subarray(some)
      }
    },
  }
}

/** @throws StoreFault `damaged`: it is not what was encrypted, or the key is another one. */
async function* opened(decrypter: Decrypter, sealed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let failure: StoreFault | null = null
  const source = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* sealed
    } catch (thrown) {
      if (thrown instanceof StoreFault) failure = thrown
      throw thrown
    }
  }
  try {
    yield* await decrypter.decrypt(Readable.toWeb(Readable.from(source())) as ReadableStream<Uint8Array>)
  } catch (thrown) {
    throw failure ?? new StoreFault('damaged', errorText(thrown), { cause: thrown })
  }
}
