import { z } from 'zod'
import { isDigest } from '../files/digest.ts'
import type { FactWords } from './facts.ts'
import { isFactWords } from './facts.ts'
import { LONGEST_DETAIL, LONGEST_TEXT, MAX_FETCHED, MAX_FILE_BYTES, SMALL_FILE_BYTES } from './limits.ts'

// What is said on a connection for the purpose "restore"; see PROTOCOL.md, "Restoring".

const number = z.number().int().min(0).max(MAX_FILE_BYTES)
const text = z.string().max(LONGEST_TEXT)
/** What a page says of where the next one begins: only its receiver has to understand it. */
const cursor = z
  .string()
  .max(2 * LONGEST_TEXT)
  .nullable()

export const questionSchema = z.discriminatedUnion('about', [
  z.object({ about: z.literal('folders') }),
  /** One page of a directory. */
  z.object({ about: z.literal('entries'), folder: text, directory: text, after: cursor }),
  /** One page of contents, as in `ContentsQuestion`. */
  z.object({
    about: z.literal('contents'),
    folder: text.nullable(),
    path: text.nullable(),
    at: z.number().nullable(),
    version: z.string().max(100).nullable(),
    text: z.string().max(1000).nullable(),
    isList: z.boolean(),
    after: cursor,
  }),
])
export type Question = z.infer<typeof questionSchema>

/** A content that is stored; version '': it is in its place. */
export type ContentEntry = [
  folder: string,
  path: string,
  version: string,
  size: number,
  facts: FactWords,
  digest: Uint8Array | null,
  storedAt: number,
]

const isCount = (value: unknown, most: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most
const isText = (value: unknown, most: number): value is string =>
  typeof value === 'string' && value.length <= most

function isContentEntry(value: unknown): value is ContentEntry {
  if (!Array.isArray(value) || value.length !== 7) return false
  const [folder, path, version, size, facts, digest, storedAt] = value
  return (
    isText(folder, LONGEST_TEXT) &&
    isText(path, LONGEST_TEXT) &&
    isText(version, 100) &&
    isCount(size, MAX_FILE_BYTES) &&
    isFactWords(facts) &&
    (digest === null || isDigest(digest)) &&
    typeof storedAt === 'number'
  )
}

/** A source's directory, and its id; null: nobody knows. */
const folder = z.object({ name: text, source: z.string().max(64).nullable() })
const contentEntry = z.custom<ContentEntry>(isContentEntry, 'not a content')
const wayEntry = z.tuple([
  text,
  text,
  z.custom<FactWords>((value) => isFactWords(value), 'not the facts of a directory'),
])
const entry = z.object({
  name: text,
  kind: z.enum(['directory', 'file']),
  size: number,
  mtimeMs: z.number(),
  versions: number.optional(),
})

export const toldSchema = z.discriminatedUnion('about', [
  z.object({ about: z.literal('folders'), folders: z.array(folder).max(10_000) }),
  z.object({ about: z.literal('entries'), entries: z.array(entry).max(1000), next: cursor }),
  z.object({
    about: z.literal('contents'),
    contents: z.array(contentEntry).max(10_000),
    directories: z.array(wayEntry).max(10_000),
    strange: number,
    next: cursor,
  }),
  /** It cannot be told now; an error name, or a sentence. */
  z.object({ about: z.literal('failed'), reason: z.string().max(LONGEST_DETAIL) }),
])
export type Told = z.infer<typeof toldSchema>

/** A part of a content that is asked for. */
export type FetchEntry = [
  id: number,
  folder: string,
  path: string,
  version: string,
  from: number,
  bytes: number,
]

function isFetchEntry(value: unknown): value is FetchEntry {
  if (!Array.isArray(value) || value.length !== 6) return false
  const [id, folder, path, version, from, bytes] = value
  return (
    isCount(id, 0xffff_ffff) &&
    isText(folder, LONGEST_TEXT) &&
    isText(path, LONGEST_TEXT) &&
    isText(version, 100) &&
    isCount(from, MAX_FILE_BYTES) &&
    isCount(bytes, SMALL_FILE_BYTES)
  )
}

export const fetchEntries = z
  .array(z.custom<FetchEntry>(isFetchEntry, 'not a part of a file'))
  .min(1)
  .max(MAX_FETCHED)

/** What of a part comes; fewer bytes than were asked for where the content ends. `fault`: an error name, or ''. */
export const contentParts = z
  .array(
    z.tuple([
      z.number().int().min(0).max(0xffff_ffff),
      z.number().int().min(0).max(SMALL_FILE_BYTES),
      z.string().max(40),
    ]),
  )
  .min(1)
  .max(MAX_FETCHED)
