import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { ignoreError } from '../../../dropped-errors.ts'
import type { Semaphore } from '../../../lib/async/semaphore.ts'
import { freeNow } from '../../../protocol/frame-buffers.ts'
import { type ObjectFacts, type ObjectUpload, StoreFault } from '../objects/object-store.ts'
import { toMetadata } from './facts.ts'
import { type BucketPlace, contentMd5, toKey, toStorageClass } from './requests.ts'
import type { Part, Unfinished } from './resumable.ts'

const MIB = 1024 * 1024
/** Smaller objects are sent in one request. */
export const PART_BYTES = 8 * MIB
const MOST_PARTS = 10_000

/** Memory for all uploads of a store; larger parts (of objects above 80 GB) are sent one at a time. */
export const PARTS_MEMORY = 48 * MIB

/** Returns the size of a part that keeps an object within the limit on its number of parts. */
export function getPartBytes(size: number, least = PART_BYTES): number {
  return Math.max(least, Math.ceil(size / MOST_PARTS / MIB) * MIB)
}

/** Verifies an object after it got its name. */
export type CheckParts = (
  name: string,
  facts: ObjectFacts,
  digest: Uint8Array,
  isResumed: boolean,
) => Promise<void>

export interface UploadOptions {
  place: BucketPlace
  unfinished: Unfinished
  /** The memory for parts, in bytes. */
  memory: Semaphore
  partBytes: number
  check: CheckParts
}

/** Fills parts and sends several at a time; after the first failure every call throws it. */
function sendParts(
  memory: Semaphore,
  partBytes: number,
  send: (bytes: Buffer, index: number) => Promise<void>,
) {
  const share = Math.min(partBytes, PARTS_MEMORY)
  const underWay = new Set<Promise<void>>()
  let buffer: Buffer | null = null
  let used = 0
  let index = 0
  let failure: unknown = null

  const giveBack = (part: Buffer): void => {
    freeNow(part)
    memory.release(share)
  }
  const go = (): void => {
    if (buffer === null) return
    const part = buffer
    const sending = send(part.subarray(0, used), index)
      .catch((error) => {
        failure ??= error
      })
      .finally(() => {
        giveBack(part)
        underWay.delete(sending)
      })
    underWay.add(sending)
    buffer = null
    used = 0
    index += 1
  }

  return {
    async write(bytes: Uint8Array): Promise<void> {
      for (let at = 0; at < bytes.length; ) {
        if (buffer === null) {
          if (!(await memory.acquire(share))) throw new StoreFault('lost', 'closed')
          buffer = Buffer.allocUnsafeSlow(partBytes)
        }
        if (failure !== null) throw failure
        const some = Math.min(bytes.length - at, partBytes - used)
        buffer.set(bytes.subarray(at, at + some), used)
        at += some
        used += some
        if (used === partBytes) go()
      }
    },
    /** Sends the last part; resolves when the store has all of them. */
    async end() {
      go()
      await Promise.all(underWay)
      if (failure !== null) throw failure
    },
    /** Frees the unsent part and waits for the parts under way. */
    async settle() {
      if (buffer !== null) giveBack(buffer)
      buffer = null
      await Promise.all(underWay)
    },
  }
}

interface Begun {
  upload: string
  parts: Part[]
}

/** Returns the upload of an earlier attempt; aborts one that cannot be resumed. */
async function findBegun(
  { unfinished, partBytes }: UploadOptions,
  name: string,
  resume: string | null,
): Promise<Begun | null> {
  const note = resume === null ? null : await unfinished.note(name)
  if (note === null) return null
  if (note.resume !== resume || note.partBytes !== partBytes) {
    await unfinished.abort(name, note.upload).catch(ignoreError('the sweep ends an unfinished upload'))
    return null
  }
  unfinished.used.add(name)
  const parts = await unfinished.parts(name, note)
  return parts === null ? null : { upload: note.upload, parts }
}

async function beginNew(
  { place, unfinished, partBytes }: UploadOptions,
  name: string,
  facts: ObjectFacts,
  resume: string | null,
): Promise<Begun> {
  const { client, bucket } = place
  unfinished.used.add(name)
  const command = new CreateMultipartUploadCommand({
    Bucket: bucket,
    Key: toKey(place, name),
    Metadata: toMetadata(facts),
    ...toStorageClass(place),
  })
  const { UploadId } = await client.send(command)
  if (UploadId === undefined) throw new StoreFault('failed', 'no upload id (CreateMultipartUpload)')
  if (resume !== null) await unfinished.write(name, { upload: UploadId, resume, partBytes })
  return { upload: UploadId, parts: [] }
}

/** Begins an object that is too small for parts: it is sent in one request. */
export function beginWhole(
  memory: Semaphore,
  { size }: ObjectFacts,
  put: (bytes: Buffer, digest: Uint8Array) => Promise<void>,
): ObjectUpload {
  let send: (bytes: Buffer) => Promise<void> = () =>
    Promise.reject(new StoreFault('failed', 'more than its size'))
  // With room for one byte more the part never fills up: it is sent at the end.
  const sender = sendParts(memory, size + 1, (bytes) => send(bytes))
  return {
    offset: 0,
    write: sender.write,
    async finish(digest, makeRoom) {
      send = async (bytes) => {
        await makeRoom?.()
        await put(bytes, digest)
      }
      await sender.end()
    },
    abort: sender.settle,
  }
}

/** Begins an object in parts; the store compares each part with its MD5. */
export async function beginParts(
  options: UploadOptions,
  name: string,
  facts: ObjectFacts,
  resume: string | null,
): Promise<ObjectUpload> {
  const { place, unfinished, memory, partBytes, check } = options
  const found = await findBegun(options, name, resume)
  const { upload, parts } = found ?? (await beginNew(options, name, facts, resume))
  const before = parts.length
  const target = { Bucket: place.bucket, Key: toKey(place, name), UploadId: upload }
  const sender = sendParts(memory, partBytes, async (bytes, index) => {
    const PartNumber = before + index + 1
    const command = new UploadPartCommand({
      ...target,
      PartNumber,
      Body: bytes,
      ContentMD5: contentMd5(bytes),
    })
    const { ETag } = await place.client.send(command)
    if (ETag === undefined) throw new StoreFault('failed', 'no ETag (UploadPart)')
    parts[PartNumber - 1] = { PartNumber, ETag }
  })
  const forget = async () => {
    if (resume !== null) await unfinished.forget(name)
  }
  return {
    offset: before * partBytes,
    write: (bytes) => sender.write(bytes),
    async finish(digest, makeRoom) {
      await sender.end()
      await makeRoom?.()
      const command = new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts: parts } })
      await place.client.send(command)
      await forget()
      unfinished.used.delete(name)
      await check(name, facts, digest, before > 0)
    },
    async abort(keep) {
      await sender.settle()
      unfinished.used.delete(name)
      if (keep) return
      await unfinished.abort(name, upload)
      await forget()
    },
  }
}
