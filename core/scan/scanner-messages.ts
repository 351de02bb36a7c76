import { z } from 'zod'
import { namedFileSchema, pathRowSchema } from '../ledger/ledger-messages.ts'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import type { WorkerDefinition } from '../lib/workers/definition.ts'
import { expectedFilesSchema, sourceSchema } from '../settings/schema.ts'
import { scanSettingsSchema } from '../settings/worker-groups.ts'

export const markedAnswers = ['confirm', 'send'] as const
export type MarkedAnswer = (typeof markedAnswers)[number]

const batchPhases = ['waiting', 'live', 'closing', 'sent', 'not-closed'] as const

/** Limit of missing files that a sentence names. */
export const MOST_NAMED = 3

/** A missing file. Relative to the source, with "/": its path; or its pattern, with the date. */
const missingSchema = {
  due: z.number(),
  path: z.string(),
  /** The size of the file that is there, but too small to count; null: none is. */
  tooSmall: z.number().nullable(),
}

/** State of a rule for expected files. Times in milliseconds since 1970. */
const expectedStateSchema = z.object({
  /** Identifies the rule among those of its source. */
  pattern: z.string(),
  /** The rule's period, delay and time zone as text. */
  timetable: z.string(),
  /** All files of the rule that are missing. */
  missing: z.number(),
  /**
   * Missing files since the last one that came, without those that were due before the rule began, or began anew. 0: the
   * source delivers, or they are all of that time.
   */
  failing: z.number(),
  /** When the first of these was due; null: there is none. */
  since: z.number().nullable(),
  /** The last missing files, the newest first; at most MOST_NAMED. */
  newest: z.array(z.object(missingSchema)),
  /** The last file that came; null: none has since the newest missing one was due. */
  came: z.string().nullable(),
  /** The file that is due next. */
  next: z.object({ path: z.string(), due: z.number() }),
})
export type ExpectedState = z.infer<typeof expectedStateSchema>

export const scannedSchema = z.object({
  id: z.string(),
  phase: z.enum(['starting', 'listing', 'watching', 'polling', 'paused', 'missing', 'failed']),
  /**
   * All of it has been compared with the ledger since it was found; missing: not yet, so no file is known to be safe.
   */
  compared: z.boolean().optional(),
  /** Why files that cannot be sent were skipped; at most 20, newest last. */
  problems: z.array(messageSchema),
  /** Many files have lost their content: nothing of the source is sent before a person decides. null: not on hold. */
  held: z
    .object({ since: z.number(), lost: z.number(), changed: z.number(), known: z.number() })
    .nullable()
    .optional(),
  /**
   * Sent files were deleted within the last hour, and a person has not accepted that. `since`: there are so many that a
   * person is notified; null: there are not. `files`: those that are still gone; `known`: all sent files, with the
   * deleted ones. null: none were deleted; missing: not known yet.
   */
  deleted: z
    .object({ since: z.number().nullable(), files: z.number(), known: z.number() })
    .nullable()
    .optional(),
  /** All files are back whose deletion a person was notified of; false: not, or unknown. */
  returned: z.boolean().optional(),
  /**
   * Files that programs have open for writing, as far as the system shows it: they are sent after they are closed.
   * `since`: milliseconds since 1970, of the first file; `path`: of that file, relative to the source. null: none.
   */
  open: z.object({ files: z.number(), since: z.number(), path: z.string() }).nullable().optional(),
  /**
   * Files of a batch source that carry isocket's mark, their own or that of their directory, but were not sent by
   * Holdfast: their directories are not marked as sent before a person has decided. `directories`: at most 5 with such
   * files, newest last; null: no file.
   */
  marked: z
    .object({ files: z.number(), directories: z.array(z.string()) })
    .nullable()
    .optional(),
  /** The state of each rule for expected files; missing: there is no rule. */
  expected: z.array(expectedStateSchema).optional(),
  /**
   * Batch directories, newest last; at most 20, unmarked before marked ones. waiting: has unsent files, not the
   * newest; live: watched; closing: closed by the producer, has unsent files; sent: marked; not-closed: marked as sent
   * but never closed by the producer.
   */
  batches: z.array(z.object({ name: z.string(), phase: z.enum(batchPhases), waiting: z.number() })),
})
export type Scanned = z.infer<typeof scannedSchema>

const leftOutReasons = [
  'ignored',
  'hidden',
  'too-small',
  'too-large',
  'too-young',
  'temporary',
  'mark',
  'not-batch',
  'not-a-file',
  'mounted',
  'unreadable',
] as const
export type LeftOutReason = (typeof leftOutReasons)[number]

const sumSchema = { files: z.number(), bytes: z.number() }
const ruleSchema = {
  reason: z.enum(leftOutReasons),
  /** The gitignore pattern that matched; null for the other reasons. */
  pattern: z.string().nullable(),
}

/** Effect of a source's filters. */
export const previewSchema = z.object({
  /**
   * complete: all files were read; time: the time ran out, so all counts mean "at least"; superseded: a newer one
   * came.
   */
  ended: z.enum(['complete', 'time', 'superseded']),
  /** Files that no rule excludes, sent or not. */
  kept: z.object(sumSchema),
  /**
   * By rule, the one with the most files first, including patterns that exclude nothing. too-young: these are sent
   * later.
   */
  leftOut: z.array(z.object({ ...ruleSchema, ...sumSchema })),
  /** The first excluded files, as many as were requested. */
  examples: z.array(z.object({ path: z.string(), size: z.number(), ...ruleSchema })),
})
export type Preview = z.infer<typeof previewSchema>

/** A path of a source as it is here now. */
export const examinedSchema = z.object({
  /**
   * link: it is, or is below, a symbolic link; other: a device, a pipe or a socket; unreadable: the system refuses to
   * show it; unanswered: its disk has not answered in time.
   */
  here: z.enum(['file', 'directory', 'link', 'other', 'gone', 'unreadable', 'unanswered']),
  /** Why its disk, or the whole folder, is not there; null: it is. */
  missing: messageSchema.nullable(),
  /** Bytes; null: it is no file. */
  size: z.number().nullable(),
  /** Milliseconds since 1970; null: it is no file. */
  modifiedAt: z.number().nullable(),
  /** The absolute path where the link, and then the path, leads. */
  target: z.string().nullable(),
  /** Why a scan would not send it (`send --why`); null: it would, or there is nothing to send. */
  why: messageSchema.nullable(),
  /** Its rows in the ledger, at most one for each destination. `isSame`: the row is of the content that is here. */
  rows: z.array(pathRowSchema.extend({ isSame: z.boolean() })),
  /** The files below a directory; null: it is none. */
  below: z
    .object({
      sent: z.number(),
      /** To be sent. */
      waiting: z.number(),
      /** The others by reason, the one with most files first. A directory that is left out counts as one. */
      others: z.array(z.object({ why: messageSchema, files: z.number() })),
      /** The time ran out: the numbers mean "at least". */
      isPart: z.boolean(),
    })
    .nullable(),
  /** The sent files below a directory that are gone here, at the destination that has most of them; null: none. */
  gone: z.object({ destination: z.string(), files: z.number() }).nullable(),
})
export type Examined = z.infer<typeof examinedSchema>

/** Limit of files that can be restored together. */
export const MOST_LOST = 100_000

/** An expected file of a period. Times in milliseconds since 1970. */
export const expectedFileSchema = z.object({
  /** The pattern of its rule. */
  pattern: z.string(),
  /** When its period begins. */
  start: z.number(),
  ...missingSchema,
  /** null: it is missing. */
  arrivedAt: z.number().nullable(),
})

/** Numbers of all of them, also those beyond the limit. */
const expectedCountsSchema = z.object({ due: z.number(), missing: z.number(), late: z.number() })

export const expectedQuery = {
  since: z.number(),
  until: z.number(),
  /** Only files that are missing or were late. */
  gaps: z.boolean(),
}

/** Limit of expected files in one answer. */
export const MOST_EXPECTED = 10_000

const { pattern, everyMinutes, withinMinutes, minimumBytes, zone } = expectedFilesSchema.shape
/** A rule for expected files. Without its period, the pattern may be the name or path of a file that it should match. */
export const expectedDraft = {
  pattern: pattern.unwrap(),
  everyMinutes: everyMinutes.optional(),
  withinMinutes: withinMinutes.unwrap().optional(),
  minimumBytes: minimumBytes.unwrap().optional(),
  zone: zone.unwrap().optional(),
}

/** Limit of the newest files of a source that a rule is proposed and previewed by. */
export const MOST_COMPARED = 1_000

/** A rule, and its effect on the newest files of its source. Times in milliseconds since 1970. */
const expectedPreviewSchema = z.object({
  /** The rule as it would be saved; what the draft left out is proposed. */
  rule: expectedFilesSchema,
  /** The files do not show the proposed period. */
  isGuess: z.boolean(),
  /** How many files were compared; at most MOST_COMPARED. */
  known: z.number(),
  /** How many of them match. */
  matching: z.number(),
  /** The last of these by the date in their names, without one by their modification. */
  last: z.array(z.object({ path: z.string(), modifiedAt: z.number().nullable() })),
  /** If none matches: those that match without regard to upper and lower case. */
  otherCase: z.object({ count: z.number(), paths: z.array(z.string()) }),
  /** The next files that a new rule expects. */
  next: z.array(z.object({ path: z.string(), due: z.number() })),
})

export const scannerDefinition = {
  name: 'scanner' as const,
  config: z.object({
    sources: z.array(sourceSchema),
    ledgerPath: z.string(),
    /** Ids of the destinations for sources that name none. */
    destinations: z.array(z.string()).min(1),
    ...scanSettingsSchema.shape,
    /** Absolute paths of Holdfast's own directories and key files, which are never sent. */
    own: z.array(z.string()).optional(),
  }),
  /**
   * Only the sources that changed. At most one report in 250 ms. `notices`: about ledgers that another version of
   * Holdfast wrote, after the start.
   */
  report: z.object({ scanned: z.array(scannedSchema), notices: z.array(messageSchema).optional() }),
  requests: {
    /** Compares these sources with the ledger now; missing: all sources. */
    reconcile: { input: z.object({ sources: z.array(z.string()).optional() }), output: z.object({}) },
    /** A person wants the files of a source on hold sent in their present state. */
    release: { input: z.object({ source: z.string() }), output: z.object({}) },
    /** A person has deleted the files of a source on purpose. */
    acceptDeleted: { input: z.object({ source: z.string() }), output: z.object({}) },
    /** Returns the files of a source on hold that have lost their content; at most MOST_LOST. */
    lost: { input: z.object({ source: z.string() }), output: z.object({ paths: z.array(z.string()) }) },
    /** Returns the files of the ledger that have these inodes on a file system (major:minor). Touches no source. */
    filesOfInodes: {
      input: z.object({
        device: z.string(),
        inodes: z.array(z.string()),
        /** The paths of the sources, by id. */
        sources: z.record(z.string(), z.string()),
        destinations: z.array(z.string()),
        most: z.number(),
      }),
      output: z.object({ files: z.array(namedFileSchema) }),
    },
    /** Returns the expected files of a source that were due within this time, the newest first, and counts all. */
    expected: {
      input: z.object({ source: z.string(), ...expectedQuery }),
      output: z.object({ files: z.array(expectedFileSchema), counts: expectedCountsSchema }),
    },
    /**
     * Completes a rule for expected files, and compares it with the files of the ledger. Touches no source. A rule that
     * cannot be used is refused.
     */
    previewExpected: {
      input: z.object({ source: z.string(), ...expectedDraft }),
      output: expectedPreviewSchema,
    },
    /**
     * A person has decided about the files of a source that carry isocket's mark. confirm: they are at the
     * destinations; send: they are not.
     */
    answerMarked: {
      input: z.object({ source: z.string(), answer: z.enum(markedAnswers) }),
      output: z.object({}),
    },
    /** Returns what is known of one path of a source (relative, with "/"; '' is the source). Takes at most 13 seconds. */
    examine: {
      input: z.object({ source: sourceSchema, destinations: z.array(z.string()), path: z.string() }),
      output: examinedSchema,
    },
    /**
     * Returns what a source with these settings would exclude; it need not be configured. Takes at most about ten
     * seconds.
     */
    preview: {
      input: z.object({ source: sourceSchema, examples: z.number().int().min(0).max(100) }),
      output: previewSchema,
    },
  },
} satisfies WorkerDefinition
