import { z } from 'zod'

// Kept apart from the rest of the restorer, because the window's script imports it too.

const LONGEST_PATH = 16_384
/** A source's folder at the destination. */
const folder = z.string().min(1).max(1000)
const path = z.string().min(1).max(LONGEST_PATH)
const when = { size: z.number(), mtimeMs: z.number() }

/** A computer that has files at a destination. */
export const computerSchema = z.object({
  /** Its folder there, by which it is selected. */
  folder: z.string(),
  /** The computer's name; null: not recorded. */
  name: z.string().nullable(),
  isOwn: z.boolean(),
  /** Its contents can be read only with an age identity. */
  isEncrypted: z.boolean(),
  /** Its names are hidden too: without the identity, only everything together can be restored. */
  hidesNames: z.boolean(),
})
export type Computer = z.infer<typeof computerSchema>

/** Selects which of a computer's files to restore. */
export const choiceSchema = z.object({
  /** null: all folders, each under its own name. */
  folder: folder.nullable(),
  /**
   * A file or a directory of the folder; null: the whole folder. The selection lands directly in the chosen directory.
   */
  path: path.nullable(),
  /** The name of one older version of the file. */
  version: z.string().min(1).max(1000).nullable(),
  /** The state at this time, in milliseconds since 1970; null: the current state. */
  at: z.number().nullable(),
})

/**
 * Requests for browsing the files of a computer at a destination. Each fails with a UserError if the destination cannot
 * be reached or read.
 */
export const questions = {
  /** The computers that have files there, including this one. Receivers do not disclose them. */
  computers: { input: z.object({}), output: z.object({ computers: z.array(computerSchema) }) },
  /** The folders of a computer, by name. `source`: the id of the source that is sent there; null: unknown. */
  folders: {
    input: z.object({}),
    output: z.object({
      folders: z.array(z.object({ name: z.string(), source: z.string().nullable() })),
    }),
  },
  /** Lists one page of a directory, directories and files together, sorted by name. */
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
          /** Bytes; 0 for directories, as is their time. */
          ...when,
          /** Number of older versions of the file; omitted if only the `versions` request can count them. */
          versions: z.number().optional(),
        }),
      ),
      next: z.string().nullable(),
    }),
  },
  /** Files whose path contains a text, ignoring case. */
  search: {
    input: z.object({ folder: folder.nullable(), text: z.string().min(1).max(1000) }),
    output: z.object({
      files: z.array(z.object({ folder: z.string(), path: z.string(), ...when })),
      /** True if there are more, or the destination has too many files to search all of them. */
      isPart: z.boolean(),
    }),
  },
  /** The versions of one file, newest first; version '' is the current one, if there is one. */
  versions: {
    input: z.object({ folder, path }),
    output: z.object({
      versions: z.array(z.object({ version: z.string(), storedAt: z.number(), ...when })),
    }),
  },
} as const
