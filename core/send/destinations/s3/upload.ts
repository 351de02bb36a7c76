import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type StorageClass,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { Semaphore } from '../../../pacing/semaphore.ts'
import { createSemaphore } from '../../../pacing/semaphore.ts'
import type { ObjectFacts, ObjectUpload } from '../objects/object-store.ts'
import { StoreFault } from '../objects/object-store.ts'
import { metadataOf } from './facts.ts'
import type { BucketPlace } from './requests.ts'
import { asked, contentMd5, keyOf } from './requests.ts'
import type { Part, Unfinished } from './resumable.ts'

const MIB = 1024 * 1024
/** A smaller object goes in one request. */
export const PART_BYTES = 8 * MIB
const MOST_PARTS = 10_000

/** What all uploads of a store have of memory together; parts that are larger (of objects above 80 GB) go one by one. */
const PARTS_MEMORY = 48 * MIB

/** Memory that the uploads of a store share. */
export interface PartMemory {
  /** In bytes. */
  room: Semaphore
  /** Parts that were sent: a new one in its place would lie beside it until it is collected. */
  spare: Buffer[]
}

export const createPartMemory = (): PartMemory => ({ room: createSemaphore(PARTS_MEMORY), spare: [] })

/** As many parts as a store takes at most. */
export function partBytesOf(size: number, least = PART_BYTES): number {
  return Math.max(least, Math.ceil(size / MOST_PARTS / MIB) * MIB)
}

export interface UploadOptions {
  place: BucketPlace
  unfinished: Unfinished
  memory: PartMemory
  partBytes: number
  /** Sees to it that the object is what was sent, once it has its name. */
  check(name: string, facts: ObjectFacts, digest: Uint8Array, isResumed: boolean): Promise<void>
}

/** Parts that are filled and sent, several at a time; after the first failure everything throws it. */
export interface PartSender {
  write(bytes: Uint8Array): Promise<void>
  /** All that were written are at the store. */
  end(): Promise<void>
  /** Nothing is under way any more. */
  settle(): Promise<void>
}

export function sendParts(
  { room, spare }: PartMemory,
  partBytes: number,
  send: (bytes: Buffer, index: number) => Promise<void>,
): PartSender {
  const share = Math.min(partBytes, PARTS_MEMORY)
  const underWay = new Set<Promise<void>>()
  let buffer: Buffer | null = null
  let used = 0
  let index = 0
  let failure: unknown = null

  const take = (): Buffer => {
    const kept = spare.pop()
    return kept?.length === partBytes ? kept : Buffer.allocUnsafeSlow(partBytes)
  }
  const giveBack = (part: Buffer): void => {
    if (partBytes === PART_BYTES) spare.push(part)
    room.release(share)
  }
  const go = (): void => {
    if (buffer === null) return
    const part = buffer
    const sending = send(part.subarray(0, used), index)
      .catch((thrown) => {
        failure ??= thrown
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
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) {
        if (buffer === null) {
          if (!(await room.acquire(share))) throw new StoreFault('lost', 'closed')
          buffer = take()
        }
        if (failure !== null) throw failure
        const some = Math.min(bytes.length - at, partBytes - used)
        buffer.set(bytes.subarray(at, at + some), used)
        at += some
        used += some
        if (used === partBytes) go()
      }
    },
    async end() {
      go()
      await Promise.all(underWay)
      if (failure !== null) throw failure
    },
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

/** Finds what an earlier attempt has sent, and removes what nobody goes on with. */
async function findBegun(
  { unfinished, partBytes }: UploadOptions,
  name: string,
  resume: string | null,
): Promise<Begun | null> {
  const uploads = await unfinished.of(name)
  if (uploads.length === 0) return null
  const note = resume === null ? null : await unfinished.note(name)
  const isOurs = (upload: string) =>
    note?.upload === upload && note.resume === resume && note.partBytes === partBytes
  let begun: Begun | null = null
  for (const upload of uploads) {
    if (isOurs(upload)) {
      unfinished.add(name)
      begun = { upload, parts: await unfinished.parts(name, upload, partBytes) }
    } else await unfinished.abort(name, upload)
  }
  return begun
}

async function beginNew(
  { place, unfinished, partBytes }: UploadOptions,
  name: string,
  facts: ObjectFacts,
  resume: string | null,
): Promise<Begun> {
  const { client, bucket, storageClass } = place
  unfinished.add(name)
  const command = new CreateMultipartUploadCommand({
    Bucket: bucket,
    Key: keyOf(place, name),
    Metadata: metadataOf(facts),
    ...(storageClass === null ? {} : { StorageClass: storageClass as StorageClass }),
  })
  const { UploadId } = await asked('CreateMultipartUpload', client.send(command))
  if (UploadId === undefined) throw new StoreFault('failed', 'no upload id (CreateMultipartUpload)')
  if (resume !== null) await unfinished.write(name, { upload: UploadId, resume, partBytes })
  return { upload: UploadId, parts: [] }
}

/** An object in parts; each was compared with its MD5 by the store. */
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
  const target = { Bucket: place.bucket, Key: keyOf(place, name), UploadId: upload }
  const sender = sendParts(memory, partBytes, async (bytes, index) => {
    const PartNumber = before + index + 1
    const command = new UploadPartCommand({
      ...target,
      PartNumber,
      Body: bytes,
      ContentMD5: contentMd5(bytes),
    })
    const { ETag } = await asked('UploadPart', place.client.send(command))
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
      await asked('CompleteMultipartUpload', place.client.send(command))
      await forget()
      unfinished.end(name)
      await check(name, facts, digest, before > 0)
    },
    async abort(keep) {
      await sender.settle()
      unfinished.end(name)
      if (keep) return
      await unfinished.abort(name, upload)
      await forget()
    },
  }
}
