import { readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { openKeptFile } from '../files/kept-file.ts'
import { type Incident, incidentSchema } from './incident.ts'
import {
  type AlertState,
  COLLECT_MS,
  KEPT_INCIDENTS,
  type Now,
  type OpenIncident,
  type Trouble,
} from './state.ts'
import { QUIET_MS, repeatsOf } from './troubles.ts'

const troubleSchema = z.object({
  id: z.string(),
  times: z.number(),
  lastings: z.number(),
  startedAt: z.number(),
  incident: incidentSchema,
})
const fileSchema = z.object({
  open: z.array(incidentSchema),
  past: z.array(incidentSchema).max(KEPT_INCIDENTS),
  troubles: z.array(troubleSchema),
})

/** What the last run was about to tell, or to tell again, waits for the first checks of this one. */
const FIRST_CHECKS_MS = 60_000

/** Those that last, those that are over, and what comes and goes. */
export type Incidents = Pick<AlertState, 'open' | 'past' | 'troubles'>

/** Keeps incidents over a restart, so that each is told once, and that it is over, too. */
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
  load: () => ({ open: [], past: [], troubles: [] }),
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
        const { open, past, troubles } = fileSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
        const now = { at: Date.now(), steadyMs: performance.now() }
        const lasting = new Set(open.map(({ id }) => id))
        return {
          open: open.map((one) => incidentAt(now, one)),
          past,
          troubles: troubles.map((one) => troubleAt(now, one, lasting.has(one.incident.id))),
        }
      } catch {
        return noIncidentFile.load()
      }
    },
    save({ open, past, troubles }) {
      kept.save(JSON.stringify(fileSchema.parse({ open, past, troubles })))
    },
    saved: kept.saved,
  }
}

function incidentAt({ at, steadyMs }: Now, kept: Incident): OpenIncident {
  const { repeats, inMs } = repeatsOf(at - kept.startedAt, kept.repeats)
  const repeatAtMs = steadyMs + Math.max(FIRST_CHECKS_MS, inMs)
  // Nobody was told: it may well be over, and where it is not, the first check of it says so.
  const tellAtMs = steadyMs + (kept.told ? COLLECT_MS : FIRST_CHECKS_MS)
  return { ...kept, tellAtMs, repeats, repeatAtMs }
}

function troubleAt(now: Now, kept: z.infer<typeof troubleSchema>, lasts: boolean): Trouble {
  const quietMs = Math.max(0, now.at - (kept.incident.endedAt ?? now.at))
  const quietSinceMs = lasts ? null : now.steadyMs - Math.min(quietMs, QUIET_MS - FIRST_CHECKS_MS)
  return { ...kept, quietSinceMs }
}
