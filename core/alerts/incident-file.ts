import { readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { warnUnlessCode } from '../dropped-errors.ts'
import { throttled } from '../lib/async/throttled.ts'
import { openKeptFile } from '../platform/replace-file.ts'
import { lastingMs, QUIET_MS, repeatInMs } from './flapping.ts'
import { type Incident, incidentSchema } from './incident.ts'
import { recoveriesOf } from './incidents.ts'
import {
  type AlertState,
  COLLECT_MS,
  type FlapSeries,
  KEPT_INCIDENTS,
  keptIncidentSchema,
  keptTroubleSchema,
  LONGEST_SNOOZE_MS,
  type Now,
  type OpenIncident,
} from './state.ts'

const fileSchema = z.object({
  open: z.array(keptIncidentSchema),
  past: z.array(incidentSchema).max(KEPT_INCIDENTS),
  owed: z.array(incidentSchema).max(KEPT_INCIDENTS),
  troubles: z.array(keptTroubleSchema),
})

type KeptTrouble = z.infer<typeof keptTroubleSchema>
type KeptIncident = z.infer<typeof keptIncidentSchema>

/** What the last run was about to tell, or to tell again, waits for the first checks of this one. */
const FIRST_CHECKS_MS = 60_000

/** Those that last, those that are over, and what comes and goes. */
type Incidents = Pick<AlertState, 'open' | 'past' | 'owed' | 'troubles'>

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
  load: () => ({ open: [], past: [], owed: [], troubles: [] }),
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
        return incidentsIn(readFileSync(file, 'utf8'), { at: Date.now(), steadyMs: performance.now() })
      } catch (error) {
        warnUnlessCode(error, ['ENOENT'], 'the incidents cannot be read; those that go on are reported again')
        return noIncidentFile.load()
      }
    },
    save: (incidents) => kept.save(textOf(incidents)),
    saved: kept.saved,
  }
}

export function textOf({ open, past, owed, troubles }: Incidents): string {
  return JSON.stringify(fileSchema.parse({ open, past, owed, troubles }))
}

/**
 * What such a text says, for a run that begins now.
 * @throws where it is none
 */
export function incidentsIn(text: string, now: Now): Incidents {
  const { open, past, owed, troubles } = fileSchema.parse(JSON.parse(text))
  const lasting = new Set(open.map(({ id }) => id))
  return {
    open: open.map((one) =>
      incidentAt(
        now,
        one,
        troubles.find(({ incident }) => incident.id === one.id),
      ),
    ),
    past,
    owed,
    troubles: troubles.map((one) => troubleAt(now, one, lasting.has(one.incident.id))),
  }
}

function incidentAt(
  { at, steadyMs }: Now,
  kept: KeptIncident,
  trouble: KeptTrouble | undefined,
): OpenIncident {
  const firstChecksMs = steadyMs + FIRST_CHECKS_MS
  // A clock that was set back makes nothing last longer than it can.
  const passedMs = (since: number) => Math.max(0, at - since)
  const toldForMs = passedMs(kept.toldAt ?? kept.noticedAt)
  const snoozedMs = kept.snoozedUntil === null ? null : Math.max(0, kept.snoozedUntil - at)
  const isSilent = kept.isSilent && trouble !== undefined
  return {
    ...kept,
    // Of what nobody was told it may well be the end; of what comes and goes this run knows nothing yet.
    tellAtMs: isSilent
      ? Math.max(firstChecksMs - lastingMs(trouble), steadyMs + COLLECT_MS - toldForMs)
      : Math.max(firstChecksMs, steadyMs + kept.tellAfterMs - passedMs(kept.startedAt)),
    repeatAtMs: Math.max(firstChecksMs, steadyMs + repeatInMs(toldForMs, kept.repeats)),
    snoozedUntilMs: snoozedMs === null ? null : steadyMs + Math.min(LONGEST_SNOOZE_MS, snoozedMs),
  }
}

function troubleAt(now: Now, kept: KeptTrouble, lasts: boolean): FlapSeries {
  const quietMs = Math.max(0, now.at - (kept.incident.endedAt ?? now.at))
  const quietSinceMs = lasts ? null : now.steadyMs - Math.min(quietMs, QUIET_MS - FIRST_CHECKS_MS)
  return { ...kept, quietSinceMs }
}

/** Many paths that fail together are written down together. */
const KEEP_AFTER_MS = 200

export interface KeepingOptions {
  /** Where incidents are kept over a restart. */
  file: IncidentFile
  /** Incidents that began, changed or are over. */
  record(incidents: Incident[]): void
}

/** Keeps over a restart what has changed, and hands it to the timeline. */
export type IncidentKeeper = ReturnType<typeof createKeeping>

export function createKeeping({ file, record }: KeepingOptions, current: () => AlertState) {
  let kept = outlineOf(current())
  let recorded = new Map<string, string>()

  const recordChanged = () => {
    const { open, past } = current()
    const now = new Map<string, string>()
    const changed = [...open, ...past].filter((incident) => {
      const outline = JSON.stringify(incidentOutline(incident))
      now.set(incident.id, outline)
      return recorded.get(incident.id) !== outline
    })
    recorded = now
    if (changed.length > 0) record(changed)
  }

  const keep = () => {
    soon.stop()
    recordChanged()
    const state = current()
    // Its incident stays as it was until the recovery is told, too.
    if (recoveriesOf(state).length > 0) return
    const outline = outlineOf(state)
    if (outline === kept) return
    kept = outline
    file.save(state)
  }

  const soon = throttled(KEEP_AFTER_MS, keep)

  return {
    /** Hands changed incidents to the timeline. */
    record: recordChanged,
    /** Soon, with what changes meanwhile. */
    soon,
    /** To be called after it is told: an end of the process between the two has it told twice, rather than never. */
    now: keep,
  }
}

/** What of the incidents has to outlast this process; how long a call has been out by now need not. */
function outlineOf({ open, past, owed, troubles }: AlertState): string {
  const unstable = troubles.map(({ id, incident }) => [id, incident.id, incident.endedAt])
  const ended = [past[0]?.id ?? null, past.length]
  return JSON.stringify([open.map(incidentOutline), ended, owed.map(({ id }) => id), unstable])
}

function incidentOutline(incident: Incident): unknown[] {
  const { id, paths, failing, endedAt, told, isSilent, repeats, acknowledged, snoozedUntil } = incident
  const subjects = [Object.keys(paths).length, Object.keys(failing)]
  return [id, subjects, endedAt, told, isSilent, repeats, acknowledged, snoozedUntil]
}
