import { throttled } from '../pacing/throttled.ts'
import type { Incident } from './incident.ts'
import type { IncidentFile } from './incident-file.ts'
import { recoveriesOf } from './incidents.ts'
import type { AlertState } from './state.ts'

/** Many paths that fail together are written down together. */
const KEEP_AFTER_MS = 200

/** Keeps over a restart what has changed, and hands it to the timeline. */
export interface Keeping {
  /** Hands changed incidents to the timeline. */
  record(): void
  /** Soon, with what changes meanwhile. */
  soon(): void
  /** To be called after it is told: an end of the process between the two has it told twice, rather than never. */
  now(): void
}

export interface KeepingOptions {
  /** Where incidents are kept over a restart. */
  file: IncidentFile
  /** Incidents that began, changed or are over. */
  record(incidents: Incident[]): void
}

export function createKeeping({ file, record }: KeepingOptions, current: () => AlertState): Keeping {
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

  return { record: recordChanged, soon, now: keep }
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
