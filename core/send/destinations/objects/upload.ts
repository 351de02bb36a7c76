import { digestOf, digestText } from '../../../files/digest.ts'
import { chunkBuffers } from '../../../wire/frame-buffers.ts'
import type { Answer, Outgoing, Upload } from '../destination.ts'
import { hasContent } from './content.ts'
import type { ObjectUpload } from './object-store.ts'
import type { SessionParts } from './parts.ts'
import { DURABLE, objectFacts } from './parts.ts'

/** Tells contents apart by which something of an earlier attempt may be used: one name everywhere. */
const resumeKey = (name: string, size: number, identity: string): string =>
  digestText(digestOf(Buffer.from(`${size} ${identity} ${name}`))).slice(0, 32)

/** Begins a large object; its name is another one's until it is complete. */
async function begin(
  { store, names }: SessionParts,
  file: Outgoing,
  identity?: string,
): Promise<ObjectUpload> {
  const { source, path } = file
  const facts = objectFacts(file.facts, null)
  const name = await names.current(source, path)
  const resume = identity === undefined ? null : resumeKey(name, facts.size, identity)
  return store.begin(name, facts, resume)
}

/** All of it was sent: it gets its name, and what has it now becomes an older content. */
async function finish(
  { store, names, signal }: SessionParts,
  file: Outgoing,
  upload: ObjectUpload,
  digest: Uint8Array,
): Promise<Answer> {
  const { source, path } = file
  const name = await names.current(source, path)
  if (await hasContent(store, name, file.facts, digest, signal)) {
    await upload.abort(false)
    return DURABLE
  }
  await upload.finish(digest, () => names.makeRoom(source, path))
  return DURABLE
}

/** See Session.begin. */
export async function beginUpload(
  parts: SessionParts,
  file: Outgoing,
  identity?: string,
): Promise<Upload | null> {
  const { pace, uploads, signal, answerTo } = parts
  if (!(await uploads.acquire())) return null
  let upload: ObjectUpload | null = null
  /** The first fault is the answer. */
  let failed: Answer | null = null
  const attempt = async (call: () => Promise<void>): Promise<boolean> => {
    if (failed === null)
      await call().catch((thrown) => {
        failed = answerTo(thrown, file)
      })
    return failed === null
  }
  await attempt(async () => {
    upload = await begin(parts, file, identity)
  })
  const to = upload as ObjectUpload | null
  if (to === null && signal.aborted) {
    uploads.release()
    return null
  }
  const write = (bytes: Uint8Array) =>
    attempt(async () => {
      if (await pace.take(bytes.length)) await to?.write(bytes)
      else failed = { kind: 'lost' }
    })
  return {
    offset: to?.offset ?? 0,
    async chunk(bytes) {
      const isSent = await write(bytes)
      chunkBuffers.give(bytes)
      return isSent
    },
    async end(digest) {
      let answer = DURABLE
      await attempt(async () => {
        if (to !== null) answer = await finish(parts, file, to, digest)
      })
      // What could not be finished is not gone on with: nobody knows what is wrong with it.
      if (failed !== null) await to?.abort(false).catch(() => undefined)
      uploads.release()
      return failed ?? answer
    },
    async abort(keep) {
      await to?.abort(keep && identity !== undefined).catch(() => undefined)
      uploads.release()
      return failed ?? { kind: 'again', reason: null, trouble: 'no' }
    },
  }
}
