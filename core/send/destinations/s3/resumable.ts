import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
} from '@aws-sdk/client-s3'
import { z } from 'zod'
import { digestOf, digestText } from '../../../files/digest.ts'
import { putOwn, readSmall } from '../objects/content.ts'
import { orIf, unlessLost } from '../objects/faults.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { BucketPlace } from './requests.ts'
import { keyOf, listedKey } from './requests.ts'

/** Of a note; a longer one is none of ours. */
const MOST_NOTE_BYTES = 4096

const noteSchema = z.object({ upload: z.string(), resume: z.string(), partBytes: z.number() })
/** Which content an upload in parts is of: a store tells of one only its key and when it began. */
export type Note = z.infer<typeof noteSchema>

export interface Part {
  PartNumber: number
  ETag: string
}

/** Uploads in parts that were begun and not ended. */
export type Unfinished = ReturnType<typeof openUnfinished>

/**
 * @param own of the names that are Holdfast's own; the notes are below it.
 * @param objects of the same bucket.
 */
export function openUnfinished(
  place: BucketPlace,
  own: string,
  objects: Pick<ObjectStore, 'put' | 'read' | 'info' | 'list' | 'remove'>,
) {
  const { client, bucket: Bucket } = place
  /** What else is in the bucket is none of ours. */
  const folder = keyOf(place, own.replace(/[^/]+\/$/, ''))
  const noteOf = (name: string) => `${own}uploads/${digestText(digestOf(Buffer.from(name)))}`
  /** Names whose uploads are under way here. */
  const used = new Set<string>()

  async function* uploads(): AsyncGenerator<{ name: string; upload: string; began: number }> {
    let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}
    for (;;) {
      const input = { Bucket, Prefix: folder, EncodingType: 'url', ...marker } as const
      const page = await client.send(new ListMultipartUploadsCommand(input))
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        const key = listedKey(Key)
        const name = key.slice(place.prefix.length)
        if (key.startsWith(folder)) yield { name, upload: UploadId ?? '', began: Initiated?.getTime() ?? 0 }
      }
      const next = listedKey(page.NextKeyMarker)
      if (page.IsTruncated !== true || next === '') return
      marker = {
        KeyMarker: next,
        ...(page.NextUploadIdMarker ? { UploadIdMarker: page.NextUploadIdMarker } : {}),
      }
    }
  }

  /** Removes the parts of one, which may have ended meanwhile. */
  const abort = async (name: string, UploadId: string): Promise<void> => {
    const command = new AbortMultipartUploadCommand({ Bucket, Key: keyOf(place, name), UploadId })
    await client.send(command).catch(orIf('absent', undefined))
  }

  /** An end of which nobody has heard may leave its upload behind: Swift's does where it is interrupted. */
  const isOvertaken = async (name: string, began: number): Promise<boolean> =>
    ((await objects.info(name))?.storedAt ?? Number.NEGATIVE_INFINITY) >= began

  return {
    /** One is begun, or gone on with, now; until `end` it is no left-over, however long it takes. */
    add: (name: string) => void used.add(name),
    end: (name: string) => void used.delete(name),

    /** The parts of one that follow each other from the first on and have its size; null: they are not there any more, or may not be listed. */
    async parts(name: string, { upload, partBytes }: Note): Promise<Part[] | null> {
      const found: Part[] = []
      let marker: string | undefined
      for (;;) {
        const at = marker === undefined ? {} : { PartNumberMarker: marker }
        const command = new ListPartsCommand({ Bucket, Key: keyOf(place, name), UploadId: upload, ...at })
        const page = await client.send(command).catch(unlessLost)
        if (page === null) return null
        for (const { PartNumber, ETag, Size } of page.Parts ?? []) {
          if (PartNumber !== found.length + 1 || Size !== partBytes || ETag === undefined) return found
          found.push({ PartNumber, ETag })
        }
        if (page.IsTruncated !== true || page.NextPartNumberMarker === undefined) return found
        marker = page.NextPartNumberMarker
      }
    },

    abort,
    /** null: there is none that can be understood. */
    note: (name: string): Promise<Note | null> =>
      readSmall(objects, noteOf(name), new AbortController().signal, MOST_NOTE_BYTES)
        .then((bytes) => noteSchema.parse(JSON.parse(String(bytes))))
        .catch(unlessLost),
    write: (name: string, note: Note) =>
      putOwn(objects, noteOf(name), Buffer.from(JSON.stringify(note)), { replace: true }),
    /** One that may not be removed stays: the next one of this name replaces it. */
    forget: (name: string) => objects.remove(noteOf(name)).catch(orIf('denied', undefined)),

    /** Removes all that are older (milliseconds since 1970), or whose name has got a content since, and the notes of none. */
    async sweep(olderThan: number): Promise<void> {
      const kept = new Set<string>()
      for await (const { name, upload, began } of uploads()) {
        if (used.has(name)) continue
        if (began < olderThan || (await isOvertaken(name, began))) await abort(name, upload)
        else kept.add(noteOf(name))
      }
      for (let after: string | null = null; ; ) {
        const page = await objects.list(`${own}uploads/`, after, true)
        for (const { name } of page.objects)
          if (!kept.has(name) && ![...used].some((one) => noteOf(one) === name)) await objects.remove(name)
        after = page.next
        if (after === null) return
      }
    },
  }
}
