import { z } from 'zod'
import { destinationSchema } from '../settings/destination-schema.ts'
import { choiceSchema, questions } from './questions.ts'
import { restoreReportSchema } from './report-schema.ts'

/** The settings that open a library; can be sent to another process. */
const from = z.object({
  destination: destinationSchema,
  /** Named as in the destination kind's settings schema. */
  secrets: z.record(z.string(), z.string()),
  identityDirectory: z.string(),
  /** This computer's name. */
  name: z.string(),
  /** The folder of another computer whose files are taken over; null: this computer's folder. */
  computer: z.string().nullable(),
  /** An age identity, if contents are encrypted. */
  key: z.string().nullable(),
})
export type LibrarySettings = z.infer<typeof from>
const nothing = z.object({})

/** Requests and reports of the restorer process. It runs only while files are browsed or restored. */
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
    /** Starts a restore; reports follow. Refused while another one runs. */
    start: {
      input: z.object({
        from,
        choice: choiceSchema,
        destination: z.string(),
        overwrite: z.boolean(),
        /** Restricts the choice to these paths. */
        only: z.array(z.string()).optional(),
      }),
      output: nothing,
    },
    stop: { input: nothing, output: nothing },
  },
}
