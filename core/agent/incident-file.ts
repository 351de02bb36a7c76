import { readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { COLLECT_MS, type Incident, incidentKinds, KEPT_INCIDENTS } from '../alert/incidents.ts'
import { messageSchema } from '../words/message-schema.ts'
import { openKeptFile } from './kept-file.ts'

const keptSchema = z.object({
  id: z.string(),
  kind: z.enum(incidentKinds),
  group: z.string(),
  isOwn: z.boolean(),
  paths: z.record(z.string(), z.string()),
  failing: z.record(z.string(), messageSchema),
  sentence: messageSchema,
  startedAt: z.number(),
  endedAt: z.number().nullable(),
  told: z.boolean(),
})
const fileSchema = z.object({ open: z.array(keptSchema), past: z.array(keptSchema).max(KEPT_INCIDENTS) })

/** Those that last, and those that are over. */
export interface Incidents {
  open: Incident[]
  past: Incident[]
}

/**
 * Keeps incidents over a restart, so that each is told once, and that it is over, too. What nobody was told of is not
 * kept: where it lasts, the next run finds it itself.
 */
export interface IncidentFile {
  /** Those of the last run; none if they cannot be read. */
  load(): Incidents
  /** Returns at once: the disk that has just failed may be the one that this file is on. */
  save(incidents: Incidents): void
  /** Resolves when the last of them is written, or could not be. */
  saved(): Promise<void>
}

/** What sends once, or a test, keeps none. */
export const noIncidentFile: IncidentFile = {
  load: () => ({ open: [], past: [] }),
  save: () => undefined,
  saved: async () => undefined,
}

export function openIncidentFile(dataDirectory: string): IncidentFile {
  const file = path.join(dataDirectory, 'incidents.json')
  // What cannot be kept is told once more after a restart.
  const kept = openKeptFile(file)
  return {
    load() {
      try {
        const { open, past } = fileSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
        const tellAtMs = performance.now() + COLLECT_MS
        const known = (incident: z.infer<typeof keptSchema>): Incident => ({ ...incident, tellAtMs })
        return { open: open.map(known), past: past.map(known) }
      } catch {
        return { open: [], past: [] }
      }
    },
    save({ open, past }) {
      kept.save(JSON.stringify(fileSchema.parse({ open: open.filter(({ told }) => told), past })))
    },
    saved: kept.saved,
  }
}
