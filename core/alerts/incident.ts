import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { type Message, message } from '../lib/i18n/message.ts'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { getSeverity, type IncidentKind, incidentKinds, type Outcome, outcomes, severities } from './kinds.ts'

// The data of alerts, in this order: incident and notice, deliveries and timeline, channels, and the state of the
// policy.

/** Longest snooze, also after the wall clock has been set back. */
export const LONGEST_SNOOZE_MS = 7 * 24 * 3_600_000
/** Delay of a new incident's notification, during which further paths of the same mount join it. */
export const COLLECT_MS = 1_000
export const KEPT_INCIDENTS = 100
/** The file beside the database in which earlier versions kept the policy's state. */
export const INCIDENT_FILE = 'incidents.json'
/** Days for which the timeline is kept. */
export const KEPT_DAYS = 400

/** A failure with a start and an end. The policy, the file, the window and all channels share this type. */
export const incidentSchema = z.object({
  id: z.string(),
  kind: z.enum(incidentKinds),
  /**
   * Subjects of one group that fail alike and together share an incident: the mount point, or the part of Holdfast
   * concerned.
   */
  group: z.string(),
  /** True if all its failures may be the paths' own (Sample.isOwn). */
  isOwn: z.boolean(),
  /** Names of all paths or other subjects that were part of it, by id. */
  paths: z.record(z.string(), z.string()),
  /** Sentences of the subjects that fail now, by id. The first one is the incident's sentence. */
  failing: z.record(z.string(), messageSchema),
  /** Ids of the sources concerned. */
  sources: z.array(z.string()),
  sentence: messageSchema,
  /** The shell's name of the failed step (touch, ls, rm); null: no step failed. */
  step: z.string().nullable(),
  /** Milliseconds since 1970: when the failure started, and when Holdfast detected it. */
  startedAt: z.number(),
  noticedAt: z.number(),
  endedAt: z.number().nullable(),
  /** It was notified, or needs no notification because it flaps. */
  told: z.boolean(),
  /** It flaps: neither its start nor its end is notified. */
  isSilent: z.boolean(),
  /** Number of repeated notifications. */
  repeats: z.number(),
  /** The person who acknowledged it, and when. After that only its recovery is notified. */
  acknowledged: z.object({ at: z.number(), by: z.string() }).nullable(),
  /** Why it ends. returned: its files are back; accepted: a person intended it; omitted: another or unknown reason. */
  outcome: z.enum(outcomes).optional(),
  /** How it ends, such as what is still missing; omitted: the usual sentence. */
  end: messageSchema.optional(),
  /** Sentences about the cause, as the system reported it; omitted or empty: the cause is unknown. */
  cause: z.array(messageSchema).optional(),
  /** Earliest time of the next notification; milliseconds since 1970. */
  snoozedUntil: z.number().nullable(),
})
export type Incident = z.infer<typeof incidentSchema>

/** The evidence of an incident, as a text that alerts only store. */
export interface IncidentEvidence {
  incident: string
  text: string
}

/**
 * failed: a failure started; lasting: a repetition, as the failure continues; recovered: it ended; unstable: it
 * flaps; over: the flapping ended; summary: a failure that started and ended before either could be delivered; test:
 * a person tests a channel; report: the regular report of a period.
 */
const noticeKinds = [
  'failed',
  'lasting',
  'recovered',
  'unstable',
  'over',
  'summary',
  'test',
  'report',
] as const
export type NoticeKind = (typeof noticeKinds)[number]

/** A notification, independent of the channel. */
export const noticeSchema = z.object({
  id: z.string(),
  what: z.enum(noticeKinds),
  /** Id of the incident, or of its flap series. */
  about: z.string(),
  /** The incident at that time. */
  incident: incidentSchema,
  /** Number of incidents in the flap series; otherwise 1. */
  times: z.number(),
  /** Milliseconds since 1970 of the decision to notify. */
  at: z.number(),
  /** A page that mail has as an attachment. */
  attachment: z.object({ name: z.string(), html: z.string() }).optional(),
})
export type Notice = z.infer<typeof noticeSchema>

/**
 * The delivery state of a notice in a channel. waiting: not delivered yet, for the given reason; merged: a later
 * notice covered it; untold: a recovery whose failure was not delivered; expired: too old.
 */
const deliveryStates = ['waiting', 'delivered', 'refused', 'merged', 'untold', 'expired'] as const

export const deliverySchema = z.object({
  notice: z.string(),
  what: z.enum(noticeKinds),
  /** The channel's id, and its name at that time. */
  channel: z.string(),
  channelName: z.string(),
  state: z.enum(deliveryStates),
  /** Milliseconds since 1970: when the notice was created, and when its delivery was decided. */
  at: z.number(),
  decidedAt: z.number().nullable(),
  attempts: z.number(),
  reason: messageSchema.nullable(),
})
export type NoticeDelivery = z.infer<typeof deliverySchema>

export const timelineQuestionSchema = z.object({
  /** Only incidents detected before this one; null: from the newest. */
  before: z.object({ at: z.number(), id: z.string() }).nullable(),
  most: z.number().int().min(1).max(200),
  severity: z.enum(severities).nullable().default(null),
  kinds: z.array(z.enum(incidentKinds)).nullable().default(null),
  source: z.string().nullable().default(null),
  /** Part of the name of a path or another subject. */
  text: z.string().max(200).default(''),
  /** true: ongoing incidents; false: ended ones; null: both. */
  lasts: z.boolean().nullable().default(null),
})
export type TimelineQuestion = z.infer<typeof timelineQuestionSchema>

export const timelineEntrySchema = z.object({ incident: incidentSchema, deliveries: z.array(deliverySchema) })
export type TimelineEntry = z.infer<typeof timelineEntrySchema>

export const timelinePageSchema = z.object({
  /** Newest first. */
  entries: z.array(timelineEntrySchema),
  /** Start of the next page; null: this is the last page. */
  next: timelineQuestionSchema.shape.before,
})
export type TimelinePage = z.infer<typeof timelinePageSchema>

export const changesQuestionSchema = z.object({
  /** Only changes before this one; null: from the newest. */
  before: z.number().nullable(),
  most: z.number().int().min(1).max(200),
  /** Milliseconds since 1970. */
  since: z.number().nullable().default(null),
  /** Part of a sentence or name. */
  text: z.string().max(200).default(''),
})
export type ChangesQuestion = z.infer<typeof changesQuestionSchema>

/** The state of a channel. unused: nothing was sent yet with its current settings. */
export const channelStateSchema = z.object({
  id: z.string(),
  condition: z.enum(['unused', 'ok', 'retrying', 'refused']),
  /** Milliseconds since 1970 of the last attempt, or of a later change of its settings; null: neither yet. */
  at: z.number().nullable(),
  /** When the first of the last attempts failed, all of which did, in this run or as the last one before it; null: none. */
  failingSince: z.number().nullable(),
  /** The reason of a failure, or additional information such as a quota. */
  sentence: messageSchema.nullable(),
  /** Number of waiting notices. */
  waiting: z.number(),
  /** Names of its stored secrets. */
  secrets: z.array(z.string()),
})
export type ChannelState = z.infer<typeof channelStateSchema>

/** Returns the id under which a channel that delivers nothing is an incident's subject, and its group. */
export const toDeliverySubject = (channel: string): string => `delivery:${channel}`

/** The last attempt of a channel, or a later change of its settings. */
export type ChannelHealth = Pick<ChannelState, 'id' | 'condition' | 'sentence'> & { at: number }

/** The result of a test, with a sentence. */
export const testedSchema = z.object({ delivered: z.boolean(), sentence: messageSchema })
export type ChannelTested = z.infer<typeof testedSchema>

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
  /** Why its incident ends, for a sample that ends it; omitted: unknown. */
  outcome?: Outcome | undefined
  /** How its incident ends; omitted: the usual sentence. */
  end?: Message | undefined
  sentence: Message
  /** Sentences about the cause, from another computer or a service; empty: it is unknown; omitted: `explain` records it. */
  cause?: Message[] | undefined
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

/** Both clocks at one moment. */
export interface Now {
  /** Milliseconds since 1970. */
  at: number
  /** Milliseconds of the monotonic clock. */
  steadyMs: number
}

/** An open incident as stored across restarts. */
const keptIncidentSchema = incidentSchema.extend({
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
  /** The first notification waits until this time for the cause, which is being read; omitted: no wait. */
  causeUntilMs?: number | undefined
}

/** Incidents that follow one another within QUIET_MS, as stored across restarts. */
const keptSeriesSchema = z.object({
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
export interface FlapSeries extends z.infer<typeof keptSeriesSchema> {
  /** Start of the quiet time by the monotonic clock; null: it fails now. */
  quietSinceMs: number | null
}

/** The part of the policy's state that is stored across restarts. Ended incidents are in the timeline. */
export const keptPolicySchema = z.object({
  open: z.array(keptIncidentSchema),
  owed: z.array(incidentSchema).max(KEPT_INCIDENTS),
  troubles: z.array(keptSeriesSchema),
})
export type KeptPolicy = z.infer<typeof keptPolicySchema>

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
  /** The series of notified incidents, until they have been quiet long enough. The name is that in stored states. */
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

/** True if it reports a failure; the others report a recovery, or neither. */
export function isFiring({ what }: Pick<Notice, 'what'>): boolean {
  return what === 'failed' || what === 'lasting' || what === 'unstable'
}

export function isUrgent(notice: Notice): boolean {
  return isFiring(notice) && getSeverity(notice.incident.kind) === 'critical'
}

/** Returns the duration until `now` in milliseconds. A clock that was set back yields 0, not a negative value. */
export function lastedMs(
  { startedAt, endedAt }: Pick<Incident, 'startedAt' | 'endedAt'>,
  now: number,
): number {
  return Math.max(0, (endedAt ?? now) - startedAt)
}

/** The regular report that was sent last: its kind of period, and that period's name. */
export const reportMarkSchema = z.object({ every: z.enum(['month', 'week']), period: z.string() })
export type ReportMark = z.infer<typeof reportMarkSchema>

/** A regular report as text. */
export interface ReportText {
  /** The same for the same period, so that a channel delivers it once. */
  id: string
  title: string
  body: string
  attachment: NonNullable<Notice['attachment']>
}

/** Returns the notice of a regular report; its incident is a placeholder. @param now milliseconds since 1970 */
export function createReportNotice({ id, title, body, attachment }: ReportText, now: number): Notice {
  const { incident } = exampleNotice('report', now)
  const placeholder: Incident = {
    ...incident,
    ...{ id, kind: 'notice', group: id, paths: {}, failing: {}, step: null },
    sentence: message('report.notice', { title, body }),
  }
  return { id, what: 'report', about: id, incident: placeholder, times: 1, at: now, attachment }
}

/**
 * Returns a notice about an example incident, for channel tests and template previews.
 * @param now milliseconds since 1970
 */
export function exampleNotice(what: NoticeKind, now: number): Notice {
  const path = '/data/station-1'
  const sentence = message('check.readOnly', { path, step: 'create', code: 'EROFS' })
  const incident: Incident = {
    id: `test-${now}`,
    kind: 'read-only',
    group: path,
    isOwn: false,
    paths: { example: path },
    failing: { example: sentence },
    sources: [],
    sentence,
    step: 'touch',
    startedAt: now,
    noticedAt: now,
    endedAt: null,
    told: false,
    isSilent: false,
    repeats: 0,
    acknowledged: null,
    snoozedUntil: null,
  }
  return { id: randomUUID(), what, about: incident.id, incident, times: 1, at: now }
}
