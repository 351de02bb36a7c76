import { z } from 'zod'
import { destinationSchema } from '../settings/destination-schema.ts'
import { entrySchema, folderSchema } from '../wire/restore-entries.ts'
import { computerSchema } from './computer-schema.ts'
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
const when = { size: z.number(), mtimeMs: z.number() }

/** What the restorer is asked, and tells: it runs only while somebody looks for files, or brings them back. */
export const restorerDefinition = {
  name: 'restorer' as const,
  config: nothing,
  report: restoreReportSchema,
  requests: {
    computers: {
      input: z.object({ from }),
      output: z.object({ computers: z.array(computerSchema) }),
    },
    folders: {
      input: z.object({ from }),
      output: z.object({ folders: z.array(folderSchema) }),
    },
    list: {
      input: z.object({ from, folder: z.string(), directory: z.string(), after: z.string().nullable() }),
      output: z.object({ entries: z.array(entrySchema), next: z.string().nullable() }),
    },
    search: {
      input: z.object({ from, folder: z.string().nullable(), text: z.string(), most: z.number() }),
      output: z.object({
        files: z.array(z.object({ folder: z.string(), path: z.string(), ...when })),
        isPart: z.boolean(),
      }),
    },
    versions: {
      input: z.object({ from, folder: z.string(), path: z.string() }),
      output: z.object({
        versions: z.array(z.object({ version: z.string(), storedAt: z.number(), ...when })),
      }),
    },
    /** Begins a restore; reports tell what becomes of it. Refused while one runs. */
    start: {
      input: z.object({
        from,
        choice: z.object({
          folder: z.string().nullable(),
          path: z.string().nullable(),
          version: z.string().nullable(),
          at: z.number().nullable(),
        }),
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
