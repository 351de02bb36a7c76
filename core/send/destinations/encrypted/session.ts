import type { Encrypter } from 'age-encryption'
import { createHasher, digestOf } from '../../../files/digest.ts'
import { chunkBuffers } from '../../../wire/frame-buffers.ts'
import type { Answer, Outgoing, Session, SmallOutgoing, Upload } from '../destination.ts'
import { encryptedSize, encrypterFor, plainName, sealedName } from './age.ts'
import { openFeed } from './feed.ts'

/** To encrypt a small file takes longer than to send it: the first ones go before the last ones are encrypted. */
const FILES = 64
/** Holes go as zeros, of this memory. */
const ZEROS = new Uint8Array(256 * 1024)
const NOTHING = new Uint8Array(0)

/** Encrypts what a session sends; null: it goes as it is. */
export type Encrypting = ((session: Session) => Session) | null

/**
 * @param recipient null: nothing is encrypted.
 * @param name the destination's.
 * @throws Problem where nothing can be encrypted for the recipient.
 */
export async function encryptingFor(recipient: string | null, name: string): Promise<Encrypting> {
  if (recipient === null) return null
  const encrypter = await encrypterFor(recipient, name)
  return (session) => encrypted(session, encrypter)
}

const sealedFile = (file: Outgoing): Outgoing => ({
  ...file,
  path: sealedName(file.path),
  facts: { ...file.facts, size: encryptedSize(file.facts.size) },
})

/** As it is said of the file itself. @param seal digest of what was sent in place of its content. */
function answerOf(answer: Answer, seal: Uint8Array): Answer {
  if (answer.kind === 'durable') return { ...answer, seal }
  if (answer.kind === 'lost' || typeof answer.reason?.params.path !== 'string') return answer
  const { key, params } = answer.reason
  const path = plainName(answer.reason.params.path) ?? answer.reason.params.path
  return { ...answer, reason: { key, params: { ...params, path } } }
}

/**
 * What is sent is encrypted. The destination is never known to have the content that somebody asks for, so whatever the
 * ledger does not know is sent again, and large files begin anew.
 */
function encrypted(session: Session, encrypter: Encrypter): Session {
  const { asksFirst, limits, space } = session
  return {
    asksFirst,
    limits: {
      files: Math.min(FILES, limits.files),
      get bytes() {
        return limits.bytes
      },
      get fileBytes() {
        return limits.fileBytes
      },
      resumeBytes: limits.resumeBytes,
    },
    async sendSmall(files, directories, { onTurn, onWire, onUsed, onAnswer }) {
      const sealed: SmallOutgoing[] = []
      for (const file of files) {
        const bytes = await encrypter.encrypt(file.bytes)
        sealed.push({ ...sealedFile(file), bytes, digest: digestOf(bytes) })
      }
      const seals = sealed.map(({ digest }) => digest)
      await session.sendSmall(sealed, directories, {
        ...{ onTurn, onWire, onUsed },
        onAnswer: (index, answer) => onAnswer(index, answerOf(answer, seals[index] ?? NOTHING)),
      })
    },
    async begin(file, directories) {
      const upload = await session.begin(sealedFile(file), directories)
      return upload === null ? null : encryptingUpload(upload, encrypter)
    },
    copy: async () => null,
    async prove(source, path, size, _nonce, seal = null) {
      if (seal === null) return { kind: 'unavailable' }
      const proof = await session.prove(source, sealedName(path), encryptedSize(size), NOTHING)
      if (proof.kind !== 'digest') return proof
      return Buffer.compare(proof.digest, seal) === 0 ? { kind: 'sealed' } : { kind: 'absent' }
    },
    ...(space === undefined ? {} : { space }),
    get closed() {
      return session.closed
    },
  }
}

function encryptingUpload(upload: Upload, encrypter: Encrypter): Upload {
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
    .catch(() => false)
    .finally(feed.drop)
  const giveUp = async (): Promise<Answer> => {
    feed.drop()
    await sending
    return answerOf(await upload.abort(false), NOTHING)
  }
  return {
    offset: 0,
    async chunk(bytes) {
      const isTaken = await feed.write(bytes)
      chunkBuffers.give(bytes)
      return isTaken
    },
    async zeros(count) {
      for (let left = count; left > 0; left -= ZEROS.length)
        if (!(await feed.write(ZEROS.subarray(0, Math.min(left, ZEROS.length))))) return false
      return true
    },
    async end() {
      feed.end()
      if (!(await sending)) return giveUp()
      const seal = hasher.digest()
      return answerOf(await upload.end(seal), seal)
    },
    abort: giveUp,
  }
}
