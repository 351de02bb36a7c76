import { z } from 'zod'

// Without what else the restorer knows: the window's script needs this, too.

const LONGEST_PATH = 16_384
/** A source's folder at the destination. */
const folder = z.string().min(1).max(1000)
const path = z.string().min(1).max(LONGEST_PATH)
const when = { size: z.number(), mtimeMs: z.number() }

/** A computer that has something at a destination. */
export const computerSchema = z.object({
  /** Its folder there, which it is chosen by. */
  folder: z.string(),
  /** What it is called; null: nobody has written that down. */
  name: z.string().nullable(),
  isOwn: z.boolean(),
  /** What it has there is opened with an age identity only. */
  isEncrypted: z.boolean(),
  /** So are its names: without the identity only everything can be restored. */
  hidesNames: z.boolean(),
})
export type Computer = z.infer<typeof computerSchema>

/** What of a computer's files is to be restored. */
export const choiceSchema = z.object({
  /** null: all folders, each under its own name. */
  folder: folder.nullable(),
  /** A file or a directory of the folder; null: all of it. What is chosen lands directly in the chosen directory. */
  path: path.nullable(),
  /** The name of one older content of the file. */
  version: z.string().min(1).max(1000).nullable(),
  /** As it was then, in milliseconds since 1970; null: as it is now. */
  at: z.number().nullable(),
})

/**
 * Looking through what a destination has of a computer. Each is refused, with a sentence, where the destination cannot be
 * reached or read.
 */
export const questions = {
  /** The computers that have something there, this one among them. A receiver tells nobody. */
  computers: { input: z.object({}), output: z.object({ computers: z.array(computerSchema) }) },
  /** The folders that a computer has there, by name. `source`: the id of the source that is sent there; null: none is known. */
  folders: {
    input: z.object({}),
    output: z.object({
      folders: z.array(z.object({ name: z.string(), source: z.string().nullable() })),
    }),
  },
  /** One page of a directory, in the order of the names: directories and files together. */
  list: {
    input: z.object({
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
          /** Older contents of the file; left out where only `versions` tells. */
          versions: z.number().optional(),
        }),
      ),
      next: z.string().nullable(),
    }),
  },
  /** Files whose path contains a text, upper or lower case. */
  search: {
    input: z.object({ folder: folder.nullable(), text: z.string().min(1).max(1000) }),
    output: z.object({
      files: z.array(z.object({ folder: z.string(), path: z.string(), ...when })),
      /** There are more, or the destination has too many files to look at all. */
      isPart: z.boolean(),
    }),
  },
  /** The contents of one file, newest first; version '' is the current one, if there is one. */
  versions: {
    input: z.object({ folder, path }),
    output: z.object({
      versions: z.array(z.object({ version: z.string(), storedAt: z.number(), ...when })),
    }),
  },
} as const
