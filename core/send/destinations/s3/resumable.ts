import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
} from '@aws-sdk/client-s3'
import { z } from 'zod'
import { computeDigest, digestText } from '../../../platform/digest.ts'
import { putOwn, readSmall } from '../objects/content.ts'
import { orIf, unlessLost } from '../objects/faults.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { type BucketPlace, listedKey, toKey } from './requests.ts'

/** Size limit of a note: Holdfast writes no longer one. */
const MOST_NOTE_BYTES = 4096

const noteSchema = z.object({ upload: z.string(), resume: z.string(), partBytes: z.number() })
/** The content of a multipart upload: the store itself lists only its key and start time. */
export type Note = z.infer<typeof noteSchema>

export interface Part {
  PartNumber: number
  ETag: string
}

/** Multipart uploads that were begun and not completed. */
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
    let marker: string | undefined
    for (;;) {
      const at = marker === undefined ? {} : { PartNumberMarker: marker }
      const command = new ListPartsCommand({ ...this.#target(name, upload), ...at })
      const page = await this.#place.client.send(command).catch(unlessLost)
      if (page === null) return null
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
    for (let after: string | null = null; ; ) {
      const page = await this.#objects.list(this.#notes, after, true)
      const isUsed = (note: string) => [...this.used].some((one) => this.#getNoteName(one) === note)
      for (const { name } of page.objects)
        if (!kept.has(name) && !isUsed(name)) await this.#objects.remove(name)
      after = page.next
      if (after === null) return
    }
  }

  async *#uploads(): AsyncGenerator<{ name: string; upload: string; began: number }> {
    const { client, bucket: Bucket, prefix } = this.#place
    let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}
    for (;;) {
      const input = { Bucket, Prefix: this.#folder, EncodingType: 'url', ...marker } as const
      const page = await client.send(new ListMultipartUploadsCommand(input))
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
