import { z } from 'zod'
import type { Message } from '../lib/i18n/message.ts'
import { type Incident, incidentSchema } from './incident.ts'
import type { IncidentKind } from './kinds.ts'

/** A result of one path, or of another part of Holdfast, with the fields that alerts need. */
export interface Sample {
  id: string
  /** The path, or the name of another subject. */
  path: string
  /** Paths of one group that fail alike share an incident. The group is the mount point if it is known. */
  group: string
  /**
   * True if the failure may be the path's own, or one that its disk survives. It joins an incident of its group only
   * until that incident is notified, and later failures do not join its incident after the notification, so that they
   * are notified too.
   */
  isOwn: boolean
  kind: IncidentKind | 'ok' | 'slow'
  sentence: Message
  /** Id of the source concerned; null: none. */
  source: string | null
  /** The shell's name of the failed step; null: no step failed. */
  step: string | null
  /** Minimum duration in milliseconds before a notification. */
  tellAfterMs: number
  /** Milliseconds since 1970: time of the sample, and start of the condition. */
  at: number
  since: number
  /** Milliseconds of the monotonic clock. */
  steadyMs: number
}

/** An open incident as stored across restarts. */
export const keptIncidentSchema = incidentSchema.extend({
  /** From the first sample of the incident. */
  tellAfterMs: z.number(),
  /**
   * Time of the last notification in milliseconds since 1970, and the ids of the subjects named in it that still
   * fail.
   */
  toldAt: z.number().nullable(),
  named: z.array(z.string()),
})

/** An open incident with the policy's plans for it, by the monotonic clock. */
export interface OpenIncident extends z.infer<typeof keptIncidentSchema> {
  /** Time of the first notification. It waits for further paths of the same mount. */
  tellAtMs: number
  /** Time of the next repetition, if the incident is still open. */
  repeatAtMs: number
  /** No notification before this time. The same as `snoozedUntil`, by a clock that cannot be set. */
  snoozedUntilMs: number | null
}

/** Incidents that follow one another within QUIET_MS, as stored across restarts. */
export const keptTroubleSchema = z.object({
  /** The id of its first incident. */
  id: z.string(),
  /** Number of incidents so far. */
  times: z.number(),
  /** Number of incidents that lasted, although the subject flaps. */
  lastings: z.number(),
  /** Milliseconds since 1970. */
  startedAt: z.number(),
  /** The latest incident. */
  incident: incidentSchema,
  /** All paths that were part of any of the incidents. */
  paths: incidentSchema.shape.paths,
})

/** The incidents of a failure that may flap. */
export interface FlapSeries extends z.infer<typeof keptTroubleSchema> {
  /** Start of the quiet time by the monotonic clock; null: it fails now. */
  quietSinceMs: number | null
}

/** Both clocks at one moment. */
export interface Now {
  /** Milliseconds since 1970. */
  at: number
  /** Milliseconds of the monotonic clock. */
  steadyMs: number
}

/** The consecutive failures of a path. */
export interface FailureRun {
  failures: number
  since: number
  /** The latest consecutive failures of one kind. */
  kind: IncidentKind
  ofKind: number
  kindSince: number
  /** True if these may be the path's own (Sample.isOwn). */
  isOwn: boolean
}

export interface AlertState {
  suspicions: Record<string, FailureRun>
  open: OpenIncident[]
  /** Ended incidents, newest first, at most KEPT_INCIDENTS. */
  past: Incident[]
  /**
   * Ended incidents whose recovery is still to be notified. If all of their paths now fail in another way, the
   * recovery is notified when that failure ends before its own notification, so that the last notification never
   * reports a failure that has ended.
   */
  owed: Incident[]
  /** The series of notified incidents, until they have been quiet long enough. */
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

/** Longest snooze, also after the wall clock has been set back. */
export const LONGEST_SNOOZE_MS = 7 * 24 * 3_600_000
/** Delay of a new incident's notification, during which further paths of the same mount join it. */
export const COLLECT_MS = 1_000
export const KEPT_INCIDENTS = 100
