import { ignoreError } from '../../../dropped-errors.ts'
import { computeDigest, digestText } from '../../../platform/digest.ts'
import { chunkBuffers } from '../../../protocol/frame-buffers.ts'
import type { Answer, Outgoing, Upload } from '../destination.ts'
import { isFault, orIf } from './faults.ts'
import type { ObjectUpload } from './object-store.ts'
import { DURABLE, type ObjectSessionParts, objectFacts } from './parts.ts'

/** Returns the key under which a part of this content can be found again, in a form that every store accepts. */
const resumeKey = (name: string, size: number, identity: string): string =>
  digestText(computeDigest(Buffer.from(`${size} ${identity} ${name}`))).slice(0, 32)

/** Begins a large object, which gets its name only when it is complete. */
async function begin(
  { store, names, noteTime }: ObjectSessionParts,
  file: Outgoing,
  identity?: string,
): Promise<ObjectUpload> {
  const { source, path } = file
  const facts = objectFacts(file.facts, null)
  noteTime(file)
  const name = await names.current(source, path)
  const resume = identity === undefined ? null : resumeKey(name, facts.size, identity)
  return store.begin(name, facts, resume)
}

/** Completes an upload: the object gets its name, and the previous one becomes an older version. */
async function finish(
  { names, adopt }: ObjectSessionParts,
  file: Outgoing,
  upload: ObjectUpload,
  digest: Uint8Array,
): Promise<void> {
  const { source, path } = file
  const name = await names.current(source, path)
  if (await adopt(name, objectFacts(file.facts, digest)))
    await upload.abort(false).catch(orIf('denied', undefined))
  else await upload.finish(digest, () => names.makeRoom(source, path))
}

/** See Session.begin. */
export async function beginUpload(
  parts: ObjectSessionParts,
  file: Outgoing,
  identity?: string,
): Promise<Upload | null> {
  const { uploads, signal, answerTo } = parts
  if (!(await uploads.acquire())) return null
  try {
    return createUpload(parts, file, await begin(parts, file, identity), identity !== undefined)
  } catch (error) {
    const answer = answerTo(error, file)
    uploads.release()
    const end = async () => answer
    return signal.aborted ? null : { offset: 0, chunk: async () => false, end, abort: end }
  }
}

const SWEPT = 'the sweep removes the unfinished upload'

function createUpload(
  parts: ObjectSessionParts,
  file: Outgoing,
  upload: ObjectUpload,
  canResume: boolean,
): Upload {
  const { pace, uploads, answerTo } = parts
  /** The answer for the first fault. */
  let failed: Answer | null = null
  let keeps = canResume
  const attempt = async (call: () => Promise<void>): Promise<void> => {
    if (failed === null)
      await call().catch((error) => {
        failed = answerTo(error, file)
        // A part that did not fit is removed, to free its space for other files.
        if (isFault(error, 'full')) keeps = false
      })
  }
  return {
    offset: upload.offset,
    async chunk(bytes) {
      await attempt(async () => {
        if (await pace.take(bytes.length)) await upload.write(bytes)
        else failed = { kind: 'lost' }
      })
      chunkBuffers.give(bytes)
      return failed === null
    },
    async end(digest) {
      await attempt(() => finish(parts, file, upload, digest))
      // After a failure to finish the part is not resumed: the cause is unknown, and might be the part.
      if (failed !== null) await upload.abort(false).catch(ignoreError(SWEPT))
      uploads.release()
      return failed ?? DURABLE
    },
    async abort(keep) {
      await upload.abort(keep && keeps).catch(ignoreError(SWEPT))
      uploads.release()
      return failed ?? { kind: 'again', reason: null, trouble: 'no' }
    },
  }
}
