import { z } from 'zod'
import { choiceSchema, conflictSchema, questions } from '../../../restore/restore-messages.ts'
import { defineAction, defineQuery, nothing } from '../../answering.ts'
import { destinationId, locationFields } from '../../inputs.ts'

/** Limit of the files that a search returns. */
export const MOST_FOUND = 200

export const restoreStartSchema = choiceSchema.extend({
  ...locationFields,
  /**
   * Absolute path of a directory, which is created: a chosen file or directory lands in it under its own name. null:
   * the files are put back where they were, into their sources.
   */
  to: z.string().min(1).max(4096).nullable(),
  /** Default: existing files with other content are left. */
  conflict: conflictSchema.optional(),
  /** Only files that are missing at the target. */
  missingOnly: z.boolean().optional(),
  /** "AGE-SECRET-KEY-1…", if the destination's files are encrypted. It is only kept in memory. */
  identity: z.string().max(200).optional(),
})
export type RestoreStart = z.infer<typeof restoreStartSchema>

export const restoreContract = {
  /** Returns a directory in the user's home for restored files. The directory is not created. */
  restoreDirectory: defineQuery({ input: nothing, output: z.object({ path: z.string() }) }),
  // See `questions`. No age identity is needed: this computer can read the names that it has encrypted.
  restoreComputers: defineQuery({
    ...questions.computers,
    input: questions.computers.input.extend({ destination: destinationId }),
  }),
  restoreFolders: defineQuery({
    ...questions.folders,
    input: questions.folders.input.extend(locationFields),
  }),
  restoreList: defineQuery({ ...questions.list, input: questions.list.input.extend(locationFields) }),
  restoreSearch: defineQuery({ ...questions.search, input: questions.search.input.extend(locationFields) }),
  restoreChanges: defineQuery({
    ...questions.changes,
    input: questions.changes.input.extend(locationFields),
  }),
  restoreVersions: defineQuery({
    ...questions.versions,
    input: questions.versions.input.extend(locationFields),
  }),
  /** Restores files from a destination. Only one restore runs at a time; its progress is in the state. */
  restoreStart: defineAction(restoreStartSchema),
  /** Restores the files that the last restore left alone because other content was there. */
  restoreKept: defineAction(z.object({ conflict: conflictSchema.exclude(['leave']) })),
  /** Stops the restore. Each file is restored completely or not at all. */
  restoreStop: defineAction(nothing),
} as const
