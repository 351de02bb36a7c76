import path from 'node:path'
import type { Encrypter } from 'age-encryption'
import { ignoreError } from '../../../dropped-errors.ts'
import { createHasher, digestOf } from '../../../platform/digest.ts'
import { chunkBuffers } from '../../../protocol/frame-buffers.ts'
import { nameFault } from '../../../protocol/names.ts'
import type { Encryption } from '../../../settings/destination-schema.ts'
import type { FoundDirectory } from '../../reading/group.ts'
import type { Answer, Outgoing, OutgoingSource, Session, SmallOutgoing, Upload } from '../destination.ts'
import type { OpenOptions } from '../open.ts'
import { encryptedSize, encrypterFor, plainName, sealedName } from './age.ts'
import {
  hiddenPath,
  hiddenSource,
  type NameKey,
  nameKeyFile,
  nameKeyOf,
  nameKeyText,
  shownPath,
} from './names.ts'

/** What is written at one end is read at the other, piece by piece, as the library of age wants it. */
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
    /** Resolves when the bytes are wanted; they may be changed at once. False: nothing is wanted any more. */
    write(bytes: Uint8Array): Promise<boolean> {
      void isDone(writer.write(new Uint8Array(bytes)))
      // A write that is under way would not hear of a drop.
      return isDone(writer.ready)
    },
    end: () => void isDone(writer.close()),
    /** Whoever still writes or reads waits no longer. */
    drop: () => void isDone(writer.abort(new Error('dropped'))),
  }
}

/** To encrypt a small file takes longer than to send it: the first ones go before the last ones are encrypted. */
const FILES = 64
const NOTHING = new Uint8Array(0)

/** How what goes to a destination is encrypted. */
export interface Encrypting {
  /** Encrypts what a session sends. */
  session(plain: Session): Session
  /** What a file there is called here. */
  shown(path: string): string
  /** To be kept in Holdfast's own directory there: by them others read names that are hidden. */
  keyFiles: { name: string; bytes: Uint8Array }[]
}

/**
 * null: nothing is encrypted.
 * @throws UserError where nothing can be encrypted for the recipient.
 */
export async function encryptingFor(
  { name, recipient, hideNames }: Encryption & { name: string },
  identity: OpenOptions['identity'],
): Promise<Encrypting | null> {
  if (recipient === null) return null
  const encrypter = await encrypterFor(recipient, name)
  const key = hideNames ? nameKeyOf(identity, recipient) : null
  return {
    session: (plain) => encrypted(plain, encrypter, key),
    shown: (path) => shownPath(key, plainName(path) ?? path),
    keyFiles:
      key === null ? [] : [{ name: nameKeyFile(key), bytes: await encrypter.encrypt(nameKeyText(key)) }],
  }
}

/** As it is said of the file itself. @param seal digest of what was sent in place of its content. */
function answerOf(answer: Answer, { source, path: name }: Outgoing, seal: Uint8Array = NOTHING): Answer {
  if (answer.kind === 'durable') return { ...answer, seal }
  if (answer.kind === 'lost' || answer.reason?.params.path === undefined) return answer
  const { key, params } = answer.reason
  return { ...answer, reason: { key, params: { ...params, path: path.join(source.path, name) } } }
}

/**
 * What is sent is encrypted. The destination is never known to have the content that somebody asks for, so whatever the
 * ledger does not know is sent again, and large files begin anew. What the ledger does know may get a new mode.
 */
function encrypted(session: Session, encrypter: Encrypter, key: NameKey): Session {
  const { asksFirst, limits, space } = session
  // What is no name is refused as it is; the source's own directory has none.
  const pathOf = (path: string) => (nameFault(path, 'linux') === null ? hiddenPath(key, path) : path)
  const sourceOf = (source: OutgoingSource) => ({ ...source, name: hiddenSource(key, source.name) })
  const directoriesOf = (directories: readonly FoundDirectory[]) =>
    directories.map((one) => ({ ...one, path: pathOf(one.path) }))
  const sealedFile = (file: Outgoing): Outgoing => ({
    source: sourceOf(file.source),
    path: sealedName(pathOf(file.path)),
    facts: { ...file.facts, size: encryptedSize(file.facts.size) },
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
    async sendSmall(files, directories, { onTurn, onUsed, onAnswer }) {
      const sealed: SmallOutgoing[] = []
      for (const file of files) {
        const bytes = await encrypter.encrypt(file.bytes)
        sealed.push({ ...sealedFile(file), bytes, digest: digestOf(bytes) })
      }
      const named = files.map(({ source, path, facts }, index) => {
        return { source, path, facts, seal: sealed[index]?.digest }
      })
      await session.sendSmall(sealed, directoriesOf(directories), {
        ...{ onTurn, onUsed },
        onAnswer(index, answer) {
          const file = named[index]
          if (file !== undefined) onAnswer(index, answerOf(answer, file, file.seal))
        },
      })
    },
    async begin(file, directories) {
      const upload = await session.begin(sealedFile(file), directoriesOf(directories))
      return upload === null ? null : encryptingUpload(upload, encrypter, file)
    },
    async copy(file, directories, _digest, from) {
      if (!from.isTrusted || session.copies !== 'own') return null
      // The digest of what the destination has is not this content's; the seal stays the one that the ledger has.
      const sealed = sealedFile(file)
      const sealedFrom = { ...from, source: sealed.source, path: sealed.path }
      const answer = await session.copy(sealed, directoriesOf(directories), NOTHING, sealedFrom)
      return answer === null || answer.kind === 'durable' ? answer : answerOf(answer, file)
    },
    async prove(source, path, size, _nonce, seal = null) {
      // Sent again, it gets one.
      if (seal === null) return { kind: 'absent' }
      const sealed = sealedName(pathOf(path))
      const proof = await session.prove(sourceOf(source), sealed, encryptedSize(size), NOTHING)
      if (proof.kind !== 'digest') return proof
      return Buffer.compare(proof.digest, seal) === 0 ? { kind: 'sealed' } : { kind: 'absent' }
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
  /** Whether all of it was taken. */
  const sending = send()
    .catch(ignoreError('an encrypted file that is not taken is sent again from its start', false))
    .finally(feed.drop)
  const giveUp = async (): Promise<Answer> => {
    feed.drop()
    await sending
    return answerOf(await upload.abort(false), file)
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
      return answerOf(await upload.end(seal), file, seal)
    },
    abort: giveUp,
  }
}
