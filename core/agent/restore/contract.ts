import { z } from 'zod'
import { choiceSchema, questions } from '../../restore/questions.ts'

const destination = z.string().min(1).max(128)
/** Another computer's folder there, whose files are meant; left out or null: this computer's. */
const computer = z.string().min(1).max(1000).nullable().optional()
const of = { destination, computer }

/** Files that a search answers with. */
export const MOST_FOUND = 200

/** See `questions`. An age identity is not needed: names that this computer has hidden it can read. */
export const restoreCommands = {
  restoreComputers: { ...questions.computers, input: questions.computers.input.extend({ destination }) },
  restoreFolders: { ...questions.folders, input: questions.folders.input.extend(of) },
  restoreList: { ...questions.list, input: questions.list.input.extend(of) },
  restoreSearch: { ...questions.search, input: questions.search.input.extend(of) },
  restoreVersions: { ...questions.versions, input: questions.versions.input.extend(of) },
} as const

export const restoreStartSchema = choiceSchema.extend({
  ...of,
  /** Absolute path of a directory, which is made. */
  to: z.string().min(1).max(4096),
  /** "AGE-SECRET-KEY-1…", where the destination's files are encrypted. It is kept nowhere but in memory. */
  identity: z.string().max(200).optional(),
})
export type RestoreStart = z.infer<typeof restoreStartSchema>
