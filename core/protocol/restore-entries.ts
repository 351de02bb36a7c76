import { z } from 'zod'
import { MAX_FILE_BYTES } from '../platform/facts.ts'
import { digest, facts, text } from './entries.ts'
import { LONGEST_DETAIL, LONGEST_TEXT, MAX_FETCHED, SMALL_FILE_BYTES } from './limits.ts'

// What is said on a connection for the purpose "restore"; see PROTOCOL.md, "Restoring".

const number = z.number().int().min(0).max(MAX_FILE_BYTES)
const id = z.number().int().min(0).max(0xffff_ffff)
const part = z.number().int().min(0).max(SMALL_FILE_BYTES)
const version = z.string().max(100)
/** What a page says of where the next one begins: only its receiver has to understand it. */
const cursor = z
  .string()
  .max(2 * LONGEST_TEXT)
  .nullable()

/** One page of a directory: '' is the folder itself. */
const entriesQuestion = z.object({ folder: text, directory: text, after: cursor })
export type EntriesQuestion = z.infer<typeof entriesQuestion>

/** One page of contents. */
const contentsQuestion = z.object({
  /** A source's directory; null: all. See `originOf`. */
  folder: text.nullable(),
  /** A file or a directory of it; null: all. */
  path: text.nullable(),
  /** As it was then, in milliseconds since 1970; null: as it is now. */
  at: z.number().nullable(),
  /** The name of one older version; '' or null: none. */
  version: version.nullable(),
  /** Only paths that contain it, upper or lower case; null: all. */
  text: z.string().max(1000).nullable(),
  /** All contents that there are, older ones, too. */
  isList: z.boolean(),
  /** `next` of the page before. */
  after: cursor,
})
export type ContentsQuestion = z.infer<typeof contentsQuestion>

export const questionSchema = z.discriminatedUnion('about', [
  z.object({ about: z.literal('folders') }),
  z.object({ about: z.literal('entries'), ...entriesQuestion.shape }),
  z.object({ about: z.literal('contents'), ...contentsQuestion.shape }),
])
export type Question = z.infer<typeof questionSchema>

/** A source's directory, and its id; null: nobody knows. */
export const folderSchema = z.object({ name: text, source: z.string().max(64).nullable() })
export type Folder = z.infer<typeof folderSchema>
/** Folder, path, version ('': it is in its place), size, facts, digest, when it was stored. */
const contentEntry = z.tuple([text, text, version, number, facts, digest.nullable(), z.number()])
/** Folder, path, and what the directory is at the source. */
const wayEntry = z.tuple([text, text, facts])
/** What is in a directory of a source. */
export const entrySchema = z.object({
  name: text,
  kind: z.enum(['directory', 'file']),
  /** Bytes; of a directory 0, and so is its time. */
  size: number,
  mtimeMs: z.number(),
  /** Older contents of the file; left out where only its contents tell. */
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
  /** It cannot be told now; an error name, or a sentence. */
  z.object({ about: z.literal('failed'), reason: z.string().max(LONGEST_DETAIL) }),
])
export type RestoreAnswer = z.infer<typeof toldSchema>

/** A part of a content that is asked for: number, folder, path, version, from where, and how many bytes. */
const fetchEntry = z.tuple([id, text, text, version, number, part])
export type FetchEntry = z.infer<typeof fetchEntry>

export const fetchEntries = z.array(fetchEntry).min(1).max(MAX_FETCHED)

/** What of a part comes; fewer bytes than were asked for where the content ends. `fault`: an error name, or ''. */
export const contentParts = z
  .array(z.tuple([id, part, z.string().max(40)]))
  .min(1)
  .max(MAX_FETCHED)
