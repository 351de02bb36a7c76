import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { z } from 'zod'
import { digestOf, digestText } from '../../../files/digest.ts'
import { isFault } from '../objects/faults.ts'
import { listPage } from './listing.ts'
import type { BucketPlace } from './requests.ts'
import { asked, contentMd5, keyOf, listedKey } from './requests.ts'

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
export interface Unfinished {
  /** One is begun, or gone on with, now; until `end` it is no left-over, however long it takes. */
  add(name: string): void
  end(name: string): void
  /** The parts of one that follow each other from the first on and have its size; null: they are not there any more, or may not be listed. */
  parts(name: string, note: Note): Promise<Part[] | null>
  /** Removes the parts of one. */
  abort(name: string, upload: string): Promise<void>
  /** null: there is none that can be understood. */
  note(name: string): Promise<Note | null>
  write(name: string, note: Note): Promise<void>
  forget(name: string): Promise<void>
  /** Removes all that are older (milliseconds since 1970), or whose name has got a content since, and the notes of none. */
  sweep(olderThan: number): Promise<void>
}

/** @param own of the names that are Holdfast's own; the notes are below it. */
export function openUnfinished(place: BucketPlace, own: string): Unfinished {
  const { client, bucket: Bucket } = place
  /** What else is in the bucket is none of ours. */
  const folder = keyOf(place, own.replace(/[^/]+\/$/, ''))
  const noteOf = (name: string) => keyOf(place, `${own}uploads/${digestText(digestOf(Buffer.from(name)))}`)
  const nameOf = (key: string) => key.slice(keyOf(place, '').length)

  async function* uploads(): AsyncGenerator<{ key: string; upload: string; began: number }> {
    let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}
    for (;;) {
      const input = { Bucket, Prefix: folder, EncodingType: 'url', ...marker } as const
      const page = await asked('ListMultipartUploads', client.send(new ListMultipartUploadsCommand(input)))
      for (const { Key, UploadId, Initiated } of page.Uploads ?? [])
        yield { key: listedKey(Key), upload: UploadId ?? '', began: Initiated?.getTime() ?? 0 }
      const next = listedKey(page.NextKeyMarker)
      if (page.IsTruncated !== true || next === '') return
      marker = {
        KeyMarker: next,
        ...(page.NextUploadIdMarker ? { UploadIdMarker: page.NextUploadIdMarker } : {}),
      }
    }
  }

  /** Keys whose uploads are under way here. */
  const used = new Set<string>()

  const forget = (name: string): Promise<void> => removeKey(noteOf(name))

  /** It may have ended meanwhile. */
  const abortKey = async (Key: string, UploadId: string): Promise<void> => {
    const command = new AbortMultipartUploadCommand({ Bucket, Key, UploadId })
    await asked('AbortMultipartUpload', client.send(command)).catch(unlessAbsent)
  }

  /** An end of which nobody has heard may leave its upload behind: Swift's does where it is interrupted. */
  const isOvertaken = async (Key: string, began: number): Promise<boolean> => {
    try {
      const head = await asked('HeadObject', client.send(new HeadObjectCommand({ Bucket, Key })))
      return (head.LastModified?.getTime() ?? 0) >= began
    } catch (thrown) {
      unlessAbsent(thrown)
      return false
    }
  }

  const removeKey = async (Key: string): Promise<void> => {
    await asked('DeleteObject', client.send(new DeleteObjectCommand({ Bucket, Key }))).catch(unlessAbsent)
  }

  return {
    add: (name) => void used.add(keyOf(place, name)),
    end: (name) => void used.delete(keyOf(place, name)),

    async parts(name, { upload, partBytes }) {
      const found: Part[] = []
      let marker: string | undefined
      for (;;) {
        const at = marker === undefined ? {} : { PartNumberMarker: marker }
        const command = new ListPartsCommand({ Bucket, Key: keyOf(place, name), UploadId: upload, ...at })
        const page = await asked('ListParts', client.send(command)).catch(unlessLost)
        if (page === null) return null
        for (const { PartNumber, ETag, Size } of page.Parts ?? []) {
          if (PartNumber !== found.length + 1 || Size !== partBytes || ETag === undefined) return found
          found.push({ PartNumber, ETag })
        }
        if (page.IsTruncated !== true || page.NextPartNumberMarker === undefined) return found
        marker = page.NextPartNumberMarker
      }
    },

    abort: (name, upload) => abortKey(keyOf(place, name), upload),

    async note(name) {
      const read = async () => {
        const command = new GetObjectCommand({ Bucket, Key: noteOf(name) })
        const { Body } = await asked('GetObject', client.send(command))
        const text = (await Body?.transformToString()) ?? ''
        return text.length > MOST_NOTE_BYTES ? null : noteSchema.parse(JSON.parse(text))
      }
      return read().catch(unlessLost)
    },

    async write(name, note) {
      const bytes = Buffer.from(JSON.stringify(note))
      const object = { Bucket, Key: noteOf(name), Body: bytes, ContentMD5: contentMd5(bytes) }
      await asked('PutObject', client.send(new PutObjectCommand(object)))
    },

    forget,

    async sweep(olderThan) {
      const kept = new Set<string>()
      for await (const { key, upload, began } of uploads()) {
        if (used.has(key) || !key.startsWith(folder)) continue
        if (began < olderThan || (await isOvertaken(key, began))) await abortKey(key, upload)
        else kept.add(noteOf(nameOf(key)))
      }
      for (let after: string | null = null; ; ) {
        const page = await listPage(place, `${own}uploads/`, after, true)
        for (const note of page.objects.map(({ name }) => keyOf(place, name)))
          if (!kept.has(note) && ![...used].some((key) => noteOf(nameOf(key)) === note)) await removeKey(note)
        after = page.next
        if (after === null) return
      }
    },
  }
}

function unlessAbsent(thrown: unknown): undefined {
  if (!isFault(thrown, 'absent')) throw thrown
}

function unlessLost(thrown: unknown): null {
  if (isFault(thrown, 'lost')) throw thrown
  return null
}
