import { z } from 'zod'
import { MAX_FILE_BYTES } from '../platform/facts.ts'
import { digest, facts, text } from './entries.ts'
import { LONGEST_DETAIL, LONGEST_TEXT, MAX_FETCHED, SMALL_FILE_BYTES } from './limits.ts'

// Questions and answers on a connection for the purpose "restore"; see PROTOCOL.md, "Restoring".

const number = z.number().int().min(0).max(MAX_FILE_BYTES)
const id = z.number().int().min(0).max(0xffff_ffff)
const part = z.number().int().min(0).max(SMALL_FILE_BYTES)
const version = z.string().max(100)
/** Where the next page begins, in a format of the receiver. */
const cursor = z
  .string()
  .max(2 * LONGEST_TEXT)
  .nullable()

/** Requests a page of a directory: '' is the folder itself. */
const entriesQuestion = z.object({ folder: text, directory: text, after: cursor })
export type EntriesQuestion = z.infer<typeof entriesQuestion>

/** Requests a page of files, with their versions. */
const contentsQuestion = z.object({
  /** A source's directory; null: all. See `originOf`. */
  folder: text.nullable(),
  /** A file or a directory in the folder; null: all. */
  path: text.nullable(),
  /** State at this time, in milliseconds since 1970; null: the current state. */
  at: z.number().nullable(),
  /** The name of an older version; '' or null: none. */
  version: version.nullable(),
  /** Only paths that contain this text, ignoring case; null: all. */
  text: z.string().max(1000).nullable(),
  /** Includes all older versions. */
  isList: z.boolean(),
  /** `next` of the previous page; null: the first page. */
  after: cursor,
})
export type ContentsQuestion = z.infer<typeof contentsQuestion>

export const questionSchema = z.discriminatedUnion('about', [
  z.object({ about: z.literal('folders') }),
  z.object({ about: z.literal('entries'), ...entriesQuestion.shape }),
  z.object({ about: z.literal('contents'), ...contentsQuestion.shape }),
])
export type Question = z.infer<typeof questionSchema>

/** A source's directory, and its id; null: unknown. */
export const folderSchema = z.object({ name: text, source: z.string().max(64).nullable() })
export type Folder = z.infer<typeof folderSchema>
/** Folder, path, version ('': the current one), size, metadata, digest, time of storing. */
const contentEntry = z.tuple([text, text, version, number, facts, digest.nullable(), z.number()])
/** Folder and path of a directory, and its metadata at the source. */
const wayEntry = z.tuple([text, text, facts])
/** An entry of a directory of a source. */
export const entrySchema = z.object({
  name: text,
  kind: z.enum(['directory', 'file']),
  /** Bytes; 0 for a directory, as is its time. */
  size: number,
  mtimeMs: z.number(),
  /** Number of older versions of the file; left out if it is only known from a list of its versions. */
  versions: number.optional(),
})
export type RestoreEntry = z.infer<typeof entrySchema>

export const toldSchema = z.discriminatedUnion('about', [
  z.object({ about: z.literal('folders'), folders: z.array(folderSchema).max(10_000) }),
  z.object({ about: z.literal('entries'), entries: z.array(entrySchema).max(1000), next: cursor }),
  z.object({
    about: z.literal('contents'),
    contents: z.array(contentEntry).max(10_000),
    directories: z.array(wayEntry).max(10_000),
    strange: number,
    next: cursor,
  }),
  /** The question cannot be answered now. `reason`: an error name, or a sentence. */
  z.object({ about: z.literal('failed'), reason: z.string().max(LONGEST_DETAIL) }),
])
export type RestoreAnswer = z.infer<typeof toldSchema>

/** Requests a part of a file: id, folder, path, version, offset, and number of bytes. */
const fetchEntry = z.tuple([id, text, text, version, number, part])
export type FetchEntry = z.infer<typeof fetchEntry>

export const fetchEntries = z.array(fetchEntry).min(1).max(MAX_FETCHED)

/** Part of an answer: id, number of bytes (fewer than requested at the end of the file), and an error name or ''. */
export const contentParts = z
  .array(z.tuple([id, part, z.string().max(40)]))
  .min(1)
  .max(MAX_FETCHED)
