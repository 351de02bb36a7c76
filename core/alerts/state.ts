import { z } from 'zod'
import type { Message } from '../lib/i18n/message.ts'
import { type Incident, incidentSchema } from './incident.ts'
import type { IncidentKind } from './kinds.ts'

/** One verdict of one path, or what is known of another part of Holdfast, as far as alerts need it. */
export interface Sample {
  id: string
  /** The path, or what else the subject is called. */
  path: string
  /** Paths of one group that fail alike are one incident: the mount point where it is known. */
  group: string
  /**
   * It may well be this path's own fault, or one that its disk lives on with: then it joins others of its group only
   * until they are told, and nobody joins it after that, so that what fails later is told as well.
   */
  isOwn: boolean
  kind: IncidentKind | 'ok' | 'slow'
  sentence: Message
  /** The source that it is about, by id; null: none. */
  source: string | null
  /** The shell's name of the step that failed; null: none did. */
  step: string | null
  /** Nobody is told of it before it has lasted for so long, in milliseconds. */
  tellAfterMs: number
  /** Milliseconds since 1970: when it was found, and since when it is so. */
  at: number
  since: number
  /** Milliseconds of the steady clock. */
  steadyMs: number
}

/** One that lasts, as it is kept over a restart. */
export const keptIncidentSchema = incidentSchema.extend({
  /** As in the sample that it began with. */
  tellAfterMs: z.number(),
  /** When it was told last, in milliseconds since 1970, and the ids of those that were named then and have not left. */
  toldAt: z.number().nullable(),
  named: z.array(z.string()),
})

/** With what the policy has planned for it, by the steady clock. */
export interface OpenIncident extends z.infer<typeof keptIncidentSchema> {
  /** When it is to be told: further paths of the same mount are waited for. */
  tellAtMs: number
  /** When it is told once more if it lasts. */
  repeatAtMs: number
  /** Not before, whatever else is planned: as `snoozedUntil`, which goes by a clock that can be set. */
  snoozedUntilMs: number | null
}

/** Incidents that follow one another within QUIET_MS, as they are kept over a restart. */
export const keptTroubleSchema = z.object({
  /** That of its first incident. */
  id: z.string(),
  /** Incidents so far. */
  times: z.number(),
  /** How often it lasted, although it comes and goes. */
  lastings: z.number(),
  /** Milliseconds since 1970. */
  startedAt: z.number(),
  /** The last of them. */
  incident: incidentSchema,
  /** All that were part of any of them. */
  paths: incidentSchema.shape.paths,
})

/** Something that comes and goes is one trouble. */
export interface FlapSeries extends z.infer<typeof keptTroubleSchema> {
  /** By the steady clock; null: it fails now. */
  quietSinceMs: number | null
}

/** Both clocks at one moment. */
export interface Now {
  /** Milliseconds since 1970. */
  at: number
  /** Milliseconds of the steady clock. */
  steadyMs: number
}

/** How a path has failed without a break. */
export interface FailureRun {
  failures: number
  since: number
  /** The last of them, as long as they were of one kind. */
  kind: IncidentKind
  ofKind: number
  kindSince: number
  /** All of them may have been the path's own fault (Sample.isOwn). */
  isOwn: boolean
}

export interface AlertState {
  suspicions: Record<string, FailureRun>
  open: OpenIncident[]
  /** Those that are over, newest first, at most KEPT_INCIDENTS. */
  past: Incident[]
  /**
   * Told ones that ended. Where all of their paths fail in another way now, their end is told if that ends before they
   * were named as failing so, that the last word is never that they fail.
   */
  owed: Incident[]
  /** Those that were told, until they have been quiet for long enough. */
  troubles: FlapSeries[]
  opened: number
}

export const noAlerts: AlertState = {
  suspicions: {},
  open: [],
  past: [],
  owed: [],
  troubles: [],
  opened: 0,
}

/** A snooze lasts no longer, wherever the clock on the wall is set. */
export const LONGEST_SNOOZE_MS = 7 * 24 * 3_600_000
/** How long a new incident waits for further paths of the same mount before it is told. */
export const COLLECT_MS = 1_000
export const KEPT_INCIDENTS = 100
