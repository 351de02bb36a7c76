import { z } from 'zod'
import { computerSchema } from '../../restore/computer-schema.ts'

const LONGEST_PATH = 16_384
const destination = z.string().min(1).max(128)
/** A source's folder at the destination. */
const folder = z.string().min(1).max(1000)
/** Another computer's folder there, whose files are meant; left out or null: this computer's. */
const computer = folder.nullable().optional()
const path = z.string().min(1).max(LONGEST_PATH)
const when = { size: z.number(), mtimeMs: z.number() }

/** Entries of one page of a directory, and files that a search answers with. */
export const PAGE_ENTRIES = 500
export const MOST_FOUND = 200

/**
 * Looking through what a destination has of a computer. Each is refused, with a sentence, where the destination
 * cannot be reached or read. An age identity is not needed: names that this
 * computer has hidden it can read.
 */
export const restoreCommands = {
  /** The computers that have something there, this one among them. A receiver tells nobody. */
  restoreComputers: {
    input: z.object({ destination }),
    output: z.object({ computers: z.array(computerSchema) }),
  },
  /** The folders that a computer has there, by name. */
  restoreFolders: {
    input: z.object({ destination, computer }),
    output: z.object({
      /** source: the id of the source here that is sent there; null: none is known. */
      folders: z.array(z.object({ name: z.string(), source: z.string().nullable() })),
    }),
  },
  /** One page of a directory, in the order of the names: directories and files together. */
  restoreList: {
    input: z.object({
      destination,
      computer,
      folder,
      /** Below the folder, with "/"; '' is the folder itself. */
      directory: z.string().max(LONGEST_PATH),
      /** `next` of the page before. */
      after: z.string().max(LONGEST_PATH).nullable(),
    }),
    output: z.object({
      entries: z.array(
        z.object({
          name: z.string(),
          kind: z.enum(['directory', 'file']),
          /** Bytes; of a directory 0, and so is its time. */
          ...when,
          /** Older contents of the file; left out where only `restoreVersions` tells. */
          versions: z.number().optional(),
        }),
      ),
      next: z.string().nullable(),
    }),
  },
  /** Files whose path contains a text, upper or lower case. */
  restoreSearch: {
    input: z.object({ destination, computer, folder: folder.nullable(), text: z.string().min(1).max(1000) }),
    output: z.object({
      files: z.array(z.object({ folder: z.string(), path: z.string(), ...when })),
      /** There are more, or the destination has too many files to look at all. */
      isPart: z.boolean(),
    }),
  },
  /** The contents of one file, newest first; version '' is the current one, if there is one. */
  restoreVersions: {
    input: z.object({ destination, computer, folder, path }),
    output: z.object({
      versions: z.array(z.object({ version: z.string(), storedAt: z.number(), ...when })),
    }),
  },
} as const

export const restoreStartSchema = z.object({
  destination,
  computer,
  /** null: all folders, each under its own name. */
  folder: folder.nullable(),
  /** A file or a directory of the folder; null: all of it. What is chosen lands directly in `to`. */
  path: path.nullable(),
  /** The name of one older content of the file. */
  version: z.string().min(1).max(1000).nullable(),
  /** As it was then, in milliseconds since 1970; null: as it is now. */
  at: z.number().nullable(),
  /** Absolute path of a directory, which is made. */
  to: z.string().min(1).max(4096),
  /** Files there with other content are replaced. */
  overwrite: z.boolean(),
  /** "AGE-SECRET-KEY-1…", where the destination's files are encrypted. It is not kept. */
  identity: z.string().max(200).optional(),
})
export type RestoreStart = z.infer<typeof restoreStartSchema>
