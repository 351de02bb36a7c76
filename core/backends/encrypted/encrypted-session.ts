import path from 'node:path'
import type { Encrypter } from 'age-encryption'
import { ignoreError } from '../../dropped-errors.ts'
import type { TransferResult } from '../../ledger/ledger.ts'
import { computeDigest, createHasher } from '../../platform/digest.ts'
import { chunkBuffers } from '../../protocol/frame-buffers.ts'
import { findNameFault } from '../../protocol/names.ts'
import type { Encryption } from '../../settings/destination-schema.ts'
import type {
  FoundDirectory,
  Outgoing,
  OutgoingSource,
  Session,
  SmallOutgoing,
  Upload,
} from '../destination.ts'
import type { OpenOptions } from '../options.ts'
import { encryptedSize, encrypterFor, plainName, sealedName } from './age.ts'
import {
  deriveNameKey,
  hiddenPath,
  hiddenSource,
  type NameKey,
  nameKeyFile,
  nameKeyText,
  shownPath,
} from './names.ts'

/** Limits a group: encrypting small files takes longer than sending them, so the first are sent while others wait. */
const FILES = 64
const NOTHING = new Uint8Array(0)

/** The encryption of one destination. */
export interface Encrypting {
  /** Wraps a session so that everything it sends is encrypted. */
  session(plain: Session): Session
  /** Returns the path on this computer for a path at the destination. */
  shown(path: string): string
  /** Files for Holdfast's own directory there: with them other tools can read encrypted names. */
  keyFiles: { name: string; bytes: Uint8Array }[]
}

/**
 * Returns the encryption of a destination; null: it is not encrypted.
 * @throws UserError if encrypting for the recipient is not possible.
 */
export async function openEncrypting(
  { name, recipient, hideNames }: Encryption & { name: string },
  identity: OpenOptions['identity'],
): Promise<Encrypting | null> {
  if (recipient === null) return null
  const encrypter = await encrypterFor(recipient, name)
  const key = hideNames ? deriveNameKey(identity, recipient) : null
  return {
    session: (plain) => encryptSession(plain, encrypter, key),
    shown: (path) => shownPath(key, plainName(path) ?? path),
    keyFiles:
      key === null ? [] : [{ name: nameKeyFile(key), bytes: await encrypter.encrypt(nameKeyText(key)) }],
  }
}

/**
 * Wraps a session with encryption. The destination's copy can never be compared with a content, so files that the
 * ledger does not list are sent again, and large files restart. Files that it does list can get new metadata without
 * resending.
 */
function encryptSession(session: Session, encrypter: Encrypter, key: NameKey): Session {
  const { asksFirst, limits, space } = session
  // Invalid names pass unchanged, so that the destination refuses them; the source's own directory has an empty path.
  const toSealedPath = (path: string) =>
    findNameFault(path, 'linux') === null ? hiddenPath(key, path) : path
  const toSealedSource = (source: OutgoingSource) => ({ ...source, name: hiddenSource(key, source.name) })
  const toSealedDirectories = (directories: readonly FoundDirectory[]) =>
    directories.map((one) => ({ ...one, path: toSealedPath(one.path) }))
  const toSealedFile = (file: Outgoing): Outgoing => ({
    source: toSealedSource(file.source),
    path: sealedName(toSealedPath(file.path)),
    facts: { ...file.facts, size: encryptedSize(file.facts.size) },
    storedAt: file.storedAt,
  })
  return {
    asksFirst,
    copies: session.copies === 'own' ? 'trusted' : 'none',
    limits: {
      files: Math.min(FILES, limits.files),
      get bytes() {
        return limits.bytes
      },
    },
    async sendSmall(files, directories, { onTurn, onUsed, onResult }) {
      const sealed: SmallOutgoing[] = []
      for (const file of files) {
        const bytes = await encrypter.encrypt(file.bytes)
        sealed.push({ ...toSealedFile(file), bytes, digest: computeDigest(bytes) })
      }
      const named = files.map(({ source, path, facts }, index) => {
        return { source, path, facts, seal: sealed[index]?.digest }
      })
      await session.sendSmall(sealed, toSealedDirectories(directories), {
        ...{ onTurn, onUsed },
        onResult(index, result) {
          const file = named[index]
          if (file !== undefined) onResult(index, toPlainResult(result, file, file.seal))
        },
      })
    },
    async begin(file, directories) {
      const upload = await session.begin(toSealedFile(file), toSealedDirectories(directories))
      return upload === null ? null : encryptingUpload(upload, encrypter, file)
    },
    async copy(file, directories, _digest, from) {
      if (!from.isTrusted || session.copies !== 'own') return null
      // The destination's digest is that of the encrypted bytes; the ledger keeps the seal.
      const sealed = toSealedFile(file)
      const sealedFrom = { ...from, source: sealed.source, path: sealed.path }
      const result = await session.copy(sealed, toSealedDirectories(directories), NOTHING, sealedFrom)
      return result === null || result.kind === 'stored' ? result : toPlainResult(result, file)
    },
    async prove(source, path, size, _nonce, seal = null, isSample = false) {
      // Without a seal the file is sent again, and then has one.
      if (seal === null) return { kind: 'absent' }
      const sealed = sealedName(toSealedPath(path))
      const bytes = encryptedSize(size)
      const proof = await session.prove(toSealedSource(source), sealed, bytes, NOTHING, null, isSample)
      if (proof.kind !== 'digest') return proof
      return Buffer.compare(proof.digest, seal) === 0 ? { kind: 'sealed' } : { kind: 'differs' }
    },
    ...(space === undefined ? {} : { space }),
    get closed() {
      return session.closed
    },
  }
}

function encryptingUpload(upload: Upload, encrypter: Encrypter, file: Outgoing): Upload {
  const feed = openFeed()
  const hasher = createHasher()
  const send = async (): Promise<boolean> => {
    for await (const { buffer, byteOffset, length } of await encrypter.encrypt(feed.readable)) {
      const sealed = Buffer.from(buffer, byteOffset, length)
      hasher.update(sealed)
      if (!(await upload.chunk(sealed))) return false
    }
    return true
  }
  /** Resolves to true if the destination took all bytes. */
  const sending = send()
    .catch(ignoreError('an encrypted file that is not taken is sent again from its start', false))
    .finally(feed.drop)
  const giveUp = async (): Promise<TransferResult> => {
    feed.drop()
    await sending
    return toPlainResult(await upload.abort(false), file)
  }
  return {
    offset: 0,
    async chunk(bytes) {
      const isTaken = await feed.write(bytes)
      chunkBuffers.give(bytes)
      return isTaken
    },
    async end() {
      feed.end()
      if (!(await sending)) return giveUp()
      const seal = hasher.digest()
      return toPlainResult(await upload.end(seal), file, seal)
    },
    abort: giveUp,
  }
}

/** Returns the result for the encrypted file as one for the file itself. @param seal digest of the bytes sent. */
function toPlainResult(
  result: TransferResult,
  { source, path: name }: Outgoing,
  seal: Uint8Array = NOTHING,
): TransferResult {
  if (result.kind === 'stored') return { ...result, seal }
  if (result.kind === 'lost' || result.reason?.params.path === undefined) return result
  const { key, params } = result.reason
  return { ...result, reason: { key, params: { ...params, path: path.join(source.path, name) } } }
}

/** A pipe between `write` and `readable`, in the form that the age library requires. */
function openFeed() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  const isDone = (work: Promise<void>): Promise<boolean> =>
    work.then(
      () => true,
      () => false,
    )
  return {
    readable,
    /** Resolves when more bytes are wanted; the memory may be reused at once. False: the reader has stopped. */
    write(bytes: Uint8Array): Promise<boolean> {
      void isDone(writer.write(new Uint8Array(bytes)))
      // `ready` is awaited because a pending write does not settle when the stream is dropped.
      return isDone(writer.ready)
    },
    end: () => void isDone(writer.close()),
    /** Aborts the stream: pending reads and writes end. */
    drop: () => void isDone(writer.abort(new Error('dropped'))),
  }
}
