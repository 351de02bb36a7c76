import { z } from 'zod'
import { choiceSchema, questions } from '../../restore/questions.ts'

const destination = z.string().min(1).max(128)
/** The folder of another computer at the destination; omitted or null: this computer's. */
const computer = z.string().min(1).max(1000).nullable().optional()
const locationFields = { destination, computer }

/** Limit of the files that a search returns. */
export const MOST_FOUND = 200

/** See `questions`. No age identity is needed: this computer can read the names that it has encrypted. */
export const restoreCommands = {
  restoreComputers: { ...questions.computers, input: questions.computers.input.extend({ destination }) },
  restoreFolders: { ...questions.folders, input: questions.folders.input.extend(locationFields) },
  restoreList: { ...questions.list, input: questions.list.input.extend(locationFields) },
  restoreSearch: { ...questions.search, input: questions.search.input.extend(locationFields) },
  restoreVersions: { ...questions.versions, input: questions.versions.input.extend(locationFields) },
} as const

export const restoreStartSchema = choiceSchema.extend({
  ...locationFields,
  /** Absolute path of the target directory, which is created. */
  to: z.string().min(1).max(4096),
  /** "AGE-SECRET-KEY-1…", if the destination's files are encrypted. It is only kept in memory. */
  identity: z.string().max(200).optional(),
})
export type RestoreStart = z.infer<typeof restoreStartSchema>
