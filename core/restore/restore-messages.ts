import { z } from 'zod'
import { computerSchema, librarySettingsSchema as from } from '../backends/backend-messages.ts'
import { messageSchema } from '../lib/i18n/message-schema.ts'

// The requests and reports of the restorer. The window's script imports this file through the contract of the agent, so
// it imports no module of Node.

const LONGEST_PATH = 16_384
/** A source's folder at the destination. */
const folder = z.string().min(1).max(1000)
const path = z.string().min(1).max(LONGEST_PATH)
const when = { size: z.number(), mtimeMs: z.number() }

/** Selects which of a computer's files to restore. */
export const choiceSchema = z.object({
  /** null: all folders, each under its own name. */
  folder: folder.nullable(),
  /** A file or a directory of the folder; null: the whole folder. */
  path: path.nullable(),
  /** The name of one older version of the file. */
  version: z.string().min(1).max(1000).nullable(),
  /** The state at this time, in milliseconds since 1970; null: the current state. */
  at: z.number().nullable(),
  /** Only files whose path contains this text, ignoring case; left out: all. */
  text: z.string().min(1).max(1000).optional(),
})

/**
 * The file's place in its source on this computer. same: a file of this size and time is there; changed: something else
 * is; missing: nothing is; unknown: the folder has no source here, or its disk does not answer.
 */
export const localStates = ['same', 'changed', 'missing', 'unknown'] as const
const local = z.enum(localStates)
export type LocalState = z.infer<typeof local>

/** Contents that were stored in a period. `end` is exclusive; `lastAt`: when the last one was. Milliseconds since 1970. */
const countSchema = z.object({ start: z.number(), end: z.number(), files: z.number(), lastAt: z.number() })

/** The state at this time, in milliseconds since 1970; null: the current state. */
const at = z.number().nullable()

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
      at,
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
          /** A directory is `same` if there is one. */
          local,
        }),
      ),
      next: z.string().nullable(),
      /** Number of files in the directory and below; null: the list has only a part of them, or no time. */
      files: z.number().nullable(),
      /** True if there are too many files to list the state at a time completely. */
      isPart: z.boolean(),
    }),
  },
  /** Files whose path contains a text, ignoring case. */
  search: {
    input: z.object({
      folder: folder.nullable(),
      /** Only files below this directory of the folder; '' for all. */
      directory: z.string().max(LONGEST_PATH),
      /** '' for all files. */
      text: z.string().max(1000),
      at,
      /** Only files that are missing on this computer. */
      missingOnly: z.boolean(),
    }),
    output: z.object({
      files: z.array(z.object({ folder: z.string(), path: z.string(), ...when, local })),
      /** True if there are more, or the destination has too many files to search all of them. */
      isPart: z.boolean(),
    }),
  },
  /**
   * The days and hours in which contents were stored, older versions included, oldest first; at most 400 days. The days
   * before are joined to the first one, without hours.
   */
  changes: {
    input: z.object({
      folder: folder.nullable(),
      /** Only files below this directory of the folder; '' for all. */
      directory: z.string().max(LONGEST_PATH),
      /** The time zone of the days: an IANA name. */
      zone: z.string().max(100),
    }),
    output: z.object({
      /** null: the destination does not list the versions of a whole directory, or has too many of them. */
      days: z.array(countSchema.extend({ hours: z.array(countSchema) })).nullable(),
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

/** Maximum number of failed files, and of kept files, that a report names. */
export const MAX_REPORTED = 10

/** Progress of the running restore, or the result of the last one. */
export const restoreReportSchema = z.object({
  phase: z.enum(['running', 'done', 'stopped', 'failed']),
  /** Files and bytes processed so far, and their totals; null: not known yet. */
  files: z.number(),
  bytes: z.number(),
  totalFiles: z.number().nullable(),
  totalBytes: z.number().nullable(),
  /** Bytes per second. */
  rate: z.number(),
  /** Estimated milliseconds left; null: unknown. */
  left: z.number().nullable(),
  restored: z.number(),
  /** Files that already had the same content. */
  same: z.number(),
  /** Files with other content that were kept, because overwriting was not allowed. */
  kept: z.number(),
  failed: z.number(),
  /** The first failures, as messages for the user, and the first kept files; at most MAX_REPORTED each. */
  failures: z.array(messageSchema),
  keptPaths: z.array(z.string()),
  /** The first files that were restored beside existing ones, under other names; at most MAX_REPORTED. */
  besidePaths: z.array(z.string()),
  /** The first files whose own names this system does not allow, as messages for the user; at most MAX_REPORTED. */
  renames: z.array(messageSchema),
  /** The number of both. */
  renamed: z.number(),
  /** The reason why it ended early; null: it did not. */
  sentence: messageSchema.nullable(),
})
export type RestoreReport = z.infer<typeof restoreReportSchema>

/** Initial report of a restore. */
export const BEGUN: RestoreReport = {
  phase: 'running',
  ...{ files: 0, bytes: 0, totalFiles: null, totalBytes: null, rate: 0, left: null },
  ...{
    restored: 0,
    same: 0,
    kept: 0,
    failed: 0,
    failures: [],
    keptPaths: [],
    besidePaths: [],
    renames: [],
    renamed: 0,
    sentence: null,
  },
}

/** Returns the names of a fetched file and of its metadata (fetch.ts), by its place in the request. */
export const toFetchedNames = (index: number) => ({ content: `${index}`, facts: `${index}.json` })

/** Progress or result of a comparison with a manifest. */
const comparedSchema = z.object({
  isEnded: z.boolean(),
  /** Files and bytes compared so far. */
  files: z.number(),
  bytes: z.number(),
  /** Files that the manifest lists; null: it has not been read yet. */
  totalFiles: z.number().nullable(),
  /** Files with other content. */
  damaged: z.number(),
  missing: z.number(),
  unreadable: z.number(),
  /** The first ones of these, with their paths below the destination; at most MAX_REPORTED. */
  differences: z.array(z.object({ path: z.string(), kind: z.enum(['damaged', 'missing', 'unreadable']) })),
})
export type Compared = z.infer<typeof comparedSchema>

/** The running or last comparison, in the state of the agent. */
export const comparisonSchema = comparedSchema.omit({ isEnded: true }).extend({
  phase: z.enum(['running', 'done', 'stopped', 'failed']),
  /** Ids of the source and of the destination. */
  source: z.string(),
  destination: z.string(),
  /** Absolute path of the manifest. */
  file: z.string(),
  /** The reason why it ended early; null: it did not. */
  sentence: messageSchema.nullable(),
})

const nothing = z.object({})

/** See ToFetch. */
const toFetchSchema = z.object({ source: z.string(), path, size: z.number(), digest: z.string() })

/** Directories of this computer's sources, by the sources' ids. */
const sources = z.record(z.string(), z.string())

/** Action for existing files with other content: they are left, replaced, or the restored one gets another name. */
export const conflictSchema = z.enum(['leave', 'replace', 'keepBoth'])
export type Conflict = z.infer<typeof conflictSchema>

/** Requests and reports of the restorer process. It runs only while files are browsed or restored. */
export const restorerDefinition = {
  name: 'restorer' as const,
  config: nothing,
  report: restoreReportSchema,
  requests: {
    computers: { ...questions.computers, input: questions.computers.input.extend({ from }) },
    folders: { ...questions.folders, input: questions.folders.input.extend({ from }) },
    list: { ...questions.list, input: questions.list.input.extend({ from, sources }) },
    search: {
      ...questions.search,
      input: questions.search.input.extend({ from, sources, most: z.number() }),
    },
    changes: { ...questions.changes, input: questions.changes.input.extend({ from }) },
    versions: { ...questions.versions, input: questions.versions.input.extend({ from }) },
    /** Starts a restore; reports follow. Refused while another one runs. */
    start: {
      input: z.object({
        from,
        /** The ledger with the log of events. */
        ledger: z.string(),
        /** See ToRestore. */
        wanted: z.array(
          z.object({
            choice: choiceSchema,
            destination: z.string(),
            placement: z.enum(['bare', 'named', 'inPlace']),
            conflict: conflictSchema,
            missingOnly: z.boolean(),
            only: z.array(z.string()).optional(),
          }),
        ),
      }),
      output: nothing,
    },
    /** Restores one content to a read-only temporary file, whose path is returned. */
    view: {
      input: z.object({ from, folder, path, version: z.string().max(1000).nullable() }),
      output: z.object({ path: z.string() }),
    },
    stop: { input: nothing, output: nothing },
    /** Compares a folder with a manifest (compare.ts), in the background: `compared` returns the result. */
    compare: { input: z.object({ from, folder, manifest: path }), output: nothing },
    /** Fails with the reason why the comparison ended early. */
    compared: { input: nothing, output: comparedSchema },
    /** Fetches files into a new directory (fetch.ts), in the background: `fetched` returns the result. */
    fetch: {
      input: z.object({ from, directory: z.string(), files: z.array(toFetchSchema) }),
      output: nothing,
    },
    /** `faults` is null while the files are being fetched; `bytes` were read so far. Fails with the reason why fetching ended early. */
    fetched: {
      input: nothing,
      output: z.object({ bytes: z.number(), faults: z.array(z.tuple([z.number(), z.string()])).nullable() }),
    },
  },
}
