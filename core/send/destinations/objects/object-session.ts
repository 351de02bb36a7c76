import { createSemaphore, withPermit } from '../../../lib/async/semaphore.ts'
import type { Keep } from '../../../store/retention/choose.ts'
import { type Bucket, bytesAhead } from '../../rate-limit/bucket.ts'
import type { Outgoing, OwnSession } from '../destination.ts'
import { adoptContent, digestAt, isOtherSecond } from './content.ts'
import { isFault, toAnswer } from './faults.ts'
import type { OwnFolder } from './folder-owner.ts'
import { openNames } from './names.ts'
import type { ObjectStore } from './object-store.ts'
import { DURABLE, type ObjectSessionParts, objectFacts } from './parts.ts'
import { sendSmallFiles } from './small-files.ts'
import { beginUpload } from './upload.ts'

const FILES = 256
/** Bytes of small files under way. */
const BYTES_OUT = 16 * 1024 * 1024
/** Large files under way: a store may keep some MiB of each in memory. */
const UPLOADS = 8

export interface ObjectSessionOptions {
  /** The destination's name, for messages. */
  name: string
  /** This computer's folder, and its name. */
  own: OwnFolder
  folder: string
  /** Which older versions stay. */
  keep: Keep
  bucket: Bucket
  asksFirst: boolean
  /** False if a stored content can never equal the sent one, as with encryption. */
  compares: boolean
  /** The connection to the store was lost; the session is closed. */
  onLost(reason: unknown): void
  /** The store cannot keep the file's time. */
  onTime(file: Outgoing): void
}

export function openObjectSession(store: ObjectStore, options: ObjectSessionOptions): OwnSession {
  const { name, own, folder, keep, bucket, asksFirst, compares, onLost, onTime } = options
  const ending = new AbortController()
  const { signal } = ending
  const names = openNames(store, { folder, own, keep }, signal)
  const pace = bucket.open()
  const slots = createSemaphore(store.can.parallel)
  const bytesOut = createSemaphore(BYTES_OUT)
  const smallTurn = createSemaphore(1)
  const uploads = createSemaphore(UPLOADS)

  const close = () => {
    ending.abort()
    pace.close()
    for (const semaphore of [slots, bytesOut, smallTurn, uploads]) semaphore.close()
  }
  const answerTo: ObjectSessionParts['answerTo'] = (error, file) => {
    if (signal.aborted) return { kind: 'lost' }
    if (isFault(error, 'lost')) {
      close()
      onLost(error)
    }
    return toAnswer(error, name, file)
  }
  const adopt: ObjectSessionParts['adopt'] = async (at, facts) =>
    compares && adoptContent(store, at, facts, { reads: true }, signal)
  const noteTime: ObjectSessionParts['noteTime'] = (file) => {
    const { mtimeNs } = file.facts
    if (isOtherSecond(store.kept(objectFacts(file.facts, null)).mtimeNs, mtimeNs)) onTime(file)
  }
  const parts: ObjectSessionParts = {
    ...{ store, names, adopt, noteTime, pace, slots, bytesOut, smallTurn, uploads, signal, answerTo },
  }

  return {
    asksFirst,
    // A content known under another name is sent again.
    copies: 'own',
    limits: {
      files: FILES,
      get bytes() {
        return bytesAhead(bucket)
      },
    },

    sendSmall: (files, _directories, events) => sendSmallFiles(parts, files, events),
    begin: (file, _directories, identity) => beginUpload(parts, file, identity),

    async copy(file, _directories, digest, { isTrusted, storedNs }) {
      const { source, path } = file
      const facts = objectFacts(file.facts, digest.length === 0 ? null : digest)
      const looked = withPermit(slots, async () => {
        const name = await names.current(source, path)
        if (!isTrusted) return adopt(name, facts)
        return adoptContent(store, name, facts, { reads: false, storedNs }, signal)
      })
      return looked.then(
        (is) => (is ? DURABLE : null),
        (error) => answerTo(error, file),
      )
    },

    async prove(source, path, size, nonce) {
      try {
        const name = await names.current(source, path)
        // The caller removes its file after the proof, so older versions must stay.
        await own.keepAll()
        const digest = await digestAt(store, name, size, signal, nonce)
        return digest === null ? { kind: 'absent' } : { kind: 'digest', digest }
      } catch (error) {
        answerTo(error, { source, path })
        return { kind: isFault(error, 'absent') ? 'absent' : 'unavailable' }
      }
    },

    ...(store.space === undefined ? {} : { space: store.space }),
    close,
    get closed() {
      return signal.aborted
    },
  }
}
