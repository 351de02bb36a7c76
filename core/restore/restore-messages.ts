import { z } from 'zod'
import { destinationSchema } from '../settings/destination-schema.ts'
import { choiceSchema, questions } from './questions.ts'
import { restoreReportSchema } from './report-schema.ts'

/** What a library is opened with; it can be told to another process. */
const from = z.object({
  destination: destinationSchema,
  /** By the names that the kind has; see the settings' schema. */
  secrets: z.record(z.string(), z.string()),
  identityDirectory: z.string(),
  /** This computer's name. */
  name: z.string(),
  /** Another computer's folder, whose files are taken over; null: this one's. */
  computer: z.string().nullable(),
  /** An age identity, where contents are encrypted. */
  key: z.string().nullable(),
})
export type LibrarySettings = z.infer<typeof from>
const nothing = z.object({})

/** What the restorer is asked, and tells: it runs only while somebody looks for files, or brings them back. */
export const restorerDefinition = {
  name: 'restorer' as const,
  config: nothing,
  report: restoreReportSchema,
  requests: {
    computers: { ...questions.computers, input: questions.computers.input.extend({ from }) },
    folders: { ...questions.folders, input: questions.folders.input.extend({ from }) },
    list: { ...questions.list, input: questions.list.input.extend({ from }) },
    search: { ...questions.search, input: questions.search.input.extend({ from, most: z.number() }) },
    versions: { ...questions.versions, input: questions.versions.input.extend({ from }) },
    /** Begins a restore; reports tell what becomes of it. Refused while one runs. */
    start: {
      input: z.object({
        from,
        choice: choiceSchema,
        destination: z.string(),
        overwrite: z.boolean(),
        /** Of what is chosen, these paths alone. */
        only: z.array(z.string()).optional(),
      }),
      output: nothing,
    },
    stop: { input: nothing, output: nothing },
  },
}
