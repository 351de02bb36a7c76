import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { z } from 'zod'
import { ignoreError } from '../../dropped-errors.ts'
import type { Semaphore } from '../../lib/async/semaphore.ts'
import { computeDigest, digestText } from '../../platform/digest.ts'
import { freeNow } from '../../protocol/frame-buffers.ts'
import { BackendError, orIf, unlessLost } from '../errors.ts'
import { toMetadata } from '../objects/metadata.ts'
import {
  type ObjectFacts,
  type ObjectStore,
  type ObjectUpload,
  putOwn,
  readSmall,
} from '../objects/object-store.ts'
import { limitNames } from '../objects/tree-listing.ts'
import {
  type BucketPlace,
  contentMd5,
  listedKey,
  lockComplete,
  toKey,
  toLock,
  toStorageClass,
} from './bucket.ts'

// Large objects in a bucket. An object of a few MiB is sent in one request, a larger one in parts: a multipart upload.
// An upload can be resumed if a note among Holdfast's own objects describes it; the sweep removes the others.

const MIB = 1024 * 1024
/** Smaller objects are sent in one request. */
export const PART_BYTES = 8 * MIB
const MOST_PARTS = 10_000

/** Memory for all uploads of a store; larger parts (of objects above 80 GB) are sent one at a time. */
export const PARTS_MEMORY = 48 * MIB
/** Size limit of a note: Holdfast writes no longer one. */
const MOST_NOTE_BYTES = 4096

export interface UploadOptions {
  place: BucketPlace
  unfinished: Unfinished
  /** The memory for parts, in bytes. */
  memory: Semaphore
  partBytes: number
  /** Verifies an object after it got its name. */
  check(name: string, facts: ObjectFacts, digest: Uint8Array, isResumed: boolean): Promise<void>
}

interface Begun {
  upload: string
  parts: Part[]
}

const noteSchema = z.object({ upload: z.string(), resume: z.string(), partBytes: z.number() })
/** The content of a multipart upload: the store itself lists only its key and start time. */
type Note = z.infer<typeof noteSchema>

interface Part {
  PartNumber: number
  ETag: string
}

/** Returns the size of a part that keeps an object within the limit on its number of parts. */
export function getPartBytes(size: number, least = PART_BYTES): number {
  return Math.max(least, Math.ceil(size / MOST_PARTS / MIB) * MIB)
}

/** Begins an object that is too small for parts: it is sent in one request. */
export function beginWhole(
  memory: Semaphore,
  { size }: ObjectFacts,
  put: (bytes: Buffer, digest: Uint8Array) => Promise<void>,
): ObjectUpload {
  let send: (bytes: Buffer) => Promise<void> = () =>
    Promise.reject(new BackendError('failed', 'more than its size'))
  // With room for one byte more the part never fills up: it is sent at the end.
  const sender = sendParts(memory, size + 1, (bytes) => send(bytes))
  return {
    offset: 0,
    write: sender.write,
    async finish(digest, freeName) {
      send = async (bytes) => {
        await freeName?.()
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
    if (ETag === undefined) throw new BackendError('failed', 'no ETag (UploadPart)')
    parts[PartNumber - 1] = { PartNumber, ETag }
  })
  const forget = async () => {
    if (resume !== null) await unfinished.forget(name)
  }
  return {
    offset: before * partBytes,
    write: (bytes) => sender.write(bytes),
    async finish(digest, freeName) {
      await sender.end()
      await freeName?.()
      const command = new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts: parts } })
      await lockComplete(place, name, (await place.client.send(command)).VersionId)
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
    ...toStorageClass(place, name),
    ...toLock(place, name),
  })
  const { UploadId } = await client.send(command)
  if (UploadId === undefined) throw new BackendError('failed', 'no upload id (CreateMultipartUpload)')
  if (resume !== null) await unfinished.write(name, { upload: UploadId, resume, partBytes })
  return { upload: UploadId, parts: [] }
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
          if (!(await memory.acquire(share))) throw new BackendError('lost', 'closed')
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

/** Multipart uploads that were begun and not completed, and their notes. */
export class Unfinished {
  readonly #place: BucketPlace
  readonly #objects: ObjectStore
  readonly #notes: string
  /** Prefix of this computer's folder: other objects in the bucket are not Holdfast's. */
  readonly #folder: string
  /** Names with an upload of this process: these are no remains, however long they take. */
  readonly used = new Set<string>()

  /**
   * @param own prefix of Holdfast's own names; the notes are below it.
   * @param objects the store of the same bucket.
   */
  constructor(place: BucketPlace, own: string, objects: ObjectStore) {
    this.#place = place
    this.#objects = objects
    this.#notes = `${own}uploads/`
    this.#folder = toKey(place, own.replace(/[^/]+\/$/, ''))
  }

  /** Returns an upload's consecutive parts of the expected size; null: the upload is gone or may not be listed. */
  async parts(name: string, { upload, partBytes }: Note): Promise<Part[] | null> {
    const found: Part[] = []
    const limit = limitNames(name)
    let marker: string | undefined
    for (;;) {
      const at = marker === undefined ? {} : { PartNumberMarker: marker }
      const command = new ListPartsCommand({ ...this.#target(name, upload), ...at })
      const page = await this.#place.client.send(command).catch(unlessLost)
      if (page === null) return null
      limit((page.Parts ?? []).map(({ ETag }) => ETag))
      for (const { PartNumber, ETag, Size } of page.Parts ?? []) {
        if (PartNumber !== found.length + 1 || Size !== partBytes || ETag === undefined) return found
        found.push({ PartNumber, ETag })
      }
      if (page.IsTruncated !== true || page.NextPartNumberMarker === undefined) return found
      marker = page.NextPartNumberMarker
    }
  }

  /** Removes an upload's parts; the upload may have ended meanwhile. */
  async abort(name: string, upload: string): Promise<void> {
    const command = new AbortMultipartUploadCommand(this.#target(name, upload))
    await this.#place.client.send(command).catch(orIf('absent', undefined))
  }

  /** Returns null if there is no readable note. */
  note(name: string): Promise<Note | null> {
    return readSmall(this.#objects, this.#getNoteName(name), new AbortController().signal, MOST_NOTE_BYTES)
      .then((bytes) => noteSchema.parse(JSON.parse(String(bytes))))
      .catch(unlessLost)
  }

  write(name: string, note: Note): Promise<void> {
    return putOwn(this.#objects, this.#getNoteName(name), Buffer.from(JSON.stringify(note)), {
      replace: true,
    })
  }

  /** Removes a note. If that is denied, it stays until the next upload of this name replaces it. */
  forget(name: string): Promise<void> {
    return this.#objects.remove(this.#getNoteName(name)).catch(orIf('denied', undefined))
  }

  /** Removes uploads before `olderThan` (ms since 1970) or whose object was stored since, and notes without one. */
  async sweep(olderThan: number): Promise<void> {
    const kept = new Set<string>()
    for await (const { name, upload, began } of this.#uploads()) {
      if (this.used.has(name)) continue
      if (began < olderThan || (await this.#isOvertaken(name, began))) await this.abort(name, upload)
      else kept.add(this.#getNoteName(name))
    }
    const limit = limitNames(this.#notes)
    for (let after: string | null = null; ; ) {
      const page = await this.#objects.list(this.#notes, after, true)
      limit(page.objects.map(({ name }) => name))
      const isUsed = (note: string) => [...this.used].some((one) => this.#getNoteName(one) === note)
      for (const { name } of page.objects)
        if (!kept.has(name) && !isUsed(name)) await this.#objects.remove(name)
      after = page.next
      if (after === null) return
    }
  }

  async *#uploads(): AsyncGenerator<{ name: string; upload: string; began: number }> {
    const { client, bucket: Bucket, prefix } = this.#place
    const limit = limitNames(this.#folder)
    let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}
    for (;;) {
      const input = { Bucket, Prefix: this.#folder, EncodingType: 'url', ...marker } as const
      const page = await client.send(new ListMultipartUploadsCommand(input))
      limit((page.Uploads ?? []).map(({ Key }) => Key))
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        const key = listedKey(Key)
        const name = key.slice(prefix.length)
        const began = Initiated?.getTime() ?? 0
        if (key.startsWith(this.#folder)) yield { name, upload: UploadId ?? '', began }
      }
      const next = listedKey(page.NextKeyMarker)
      if (page.IsTruncated !== true || next === '') return
      marker = {
        KeyMarker: next,
        ...(page.NextUploadIdMarker ? { UploadIdMarker: page.NextUploadIdMarker } : {}),
      }
    }
  }

  /** True if the object was stored since. An interrupted completion may leave its upload, as at Swift. */
  async #isOvertaken(name: string, began: number): Promise<boolean> {
    return ((await this.#objects.info(name))?.storedAt ?? Number.NEGATIVE_INFINITY) >= began
  }

  #getNoteName(name: string): string {
    return `${this.#notes}${digestText(computeDigest(Buffer.from(name)))}`
  }

  #target(name: string, upload: string) {
    return { Bucket: this.#place.bucket, Key: toKey(this.#place, name), UploadId: upload }
  }
}
