import { readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { warnUnlessCode } from '../dropped-errors.ts'
import { throttle } from '../lib/async/throttled.ts'
import { openKeptFile } from '../platform/replace-file.ts'
import { lastingMs, QUIET_MS, repeatInMs } from './flapping.ts'
import { type Incident, incidentSchema } from './incident.ts'
import { getRecoveries } from './incidents.ts'
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

/** Notifications pending from the last run wait this long, for the first checks of this run. */
const FIRST_CHECKS_MS = 60_000

/** Open and ended incidents, pending recoveries, and flap series. */
type Incidents = Pick<AlertState, 'open' | 'past' | 'owed' | 'troubles'>

/** Stores incidents across restarts, so that each failure and each recovery is notified once. */
export interface IncidentFile {
  /** Returns the incidents of the last run; empty if they cannot be read. */
  load(): Incidents
  /** Returns at once: the disk that has just failed may be the one with this file. */
  save(incidents: Incidents): void
  /** Resolves when the last write has succeeded or failed. */
  saved(): Promise<void>
}

/** For one-shot runs and tests, which store no incidents. */
export const noIncidentFile: IncidentFile = {
  load: () => ({ open: [], past: [], owed: [], troubles: [] }),
  save: () => undefined,
  saved: async () => undefined,
}

export function openIncidentFile(dataDirectory: string): IncidentFile {
  const file = path.join(dataDirectory, 'incidents.json')
  // Incidents that cannot be stored are notified again after a restart.
  const kept = openKeptFile(file)
  return {
    load() {
      try {
        return parseIncidents(readFileSync(file, 'utf8'), { at: Date.now(), steadyMs: performance.now() })
      } catch (error) {
        warnUnlessCode(error, ['ENOENT'], 'the incidents cannot be read; those that go on are reported again')
        return noIncidentFile.load()
      }
    },
    save: (incidents) => kept.save(formatIncidents(incidents)),
    saved: kept.saved,
  }
}

export function formatIncidents({ open, past, owed, troubles }: Incidents): string {
  return JSON.stringify(fileSchema.parse({ open, past, owed, troubles }))
}

/**
 * Parses the text of such a file for a run that starts now.
 * @throws if the text is invalid
 */
export function parseIncidents(text: string, now: Now): Incidents {
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
  // A clock that was set back must not prolong anything.
  const passedMs = (since: number) => Math.max(0, at - since)
  const toldForMs = passedMs(kept.toldAt ?? kept.noticedAt)
  const snoozedMs = kept.snoozedUntil === null ? null : Math.max(0, kept.snoozedUntil - at)
  const isSilent = kept.isSilent && trouble !== undefined
  return {
    ...kept,
    // Notifications wait for the first checks: an incident that was not notified may have ended, and the state of a
    // flapping one is not known yet.
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

/** Delay of a write, so that paths that fail together are written together. */
const KEEP_AFTER_MS = 200

export interface KeepingOptions {
  /** Stores incidents across restarts. */
  file: IncidentFile
  /** Receives incidents that started, changed or ended. */
  record(incidents: Incident[]): void
}

/** Stores changes across restarts and passes them to the timeline. */
export type IncidentKeeper = ReturnType<typeof createKeeping>

export function createKeeping({ file, record }: KeepingOptions, current: () => AlertState) {
  let kept = getOutline(current())
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
    // The stored incident stays open until its recovery is notified, so that a restart does not lose the recovery.
    if (getRecoveries(state).length > 0) return
    const outline = getOutline(state)
    if (outline === kept) return
    kept = outline
    file.save(state)
  }

  const soon = throttle(KEEP_AFTER_MS, keep)

  return {
    /** Passes changed incidents to the timeline. */
    record: recordChanged,
    /** Stores changes soon, in one write. */
    soon,
    /**
     * Stores changes now. To be called after the notification: if the process ends between the two, the notification
     * is repeated, not lost.
     */
    now: keep,
  }
}

/** Returns the parts of the incidents that must survive a restart. The elapsed time of a hung call need not. */
function getOutline({ open, past, owed, troubles }: AlertState): string {
  const unstable = troubles.map(({ id, incident }) => [id, incident.id, incident.endedAt])
  const ended = [past[0]?.id ?? null, past.length]
  return JSON.stringify([open.map(incidentOutline), ended, owed.map(({ id }) => id), unstable])
}

function incidentOutline(incident: Incident): unknown[] {
  const { id, paths, failing, endedAt, told, isSilent, repeats, acknowledged, snoozedUntil } = incident
  const subjects = [Object.keys(paths).length, Object.keys(failing)]
  return [id, subjects, endedAt, told, isSilent, repeats, acknowledged, snoozedUntil]
}
