import { z } from 'zod'
import { diskKinds, incidentKinds } from '../alerts/kinds.ts'
import { messageSchema } from '../lib/i18n/message-schema.ts'

// The report as JSON: `holdfast report --format json`, the command `report` of the API, and the input of all formats.
// Times are milliseconds since 1970, and end times are exclusive.

const count = z.number().int().min(0)
const time = z.number()

/** Files and the sum of their sizes. */
const amountSchema = z.object({ files: count, bytes: z.number().min(0) })
export type Amount = z.infer<typeof amountSchema>

const namedSchema = z.object({
  id: z.string(),
  /** As in the settings; the id if it was removed from them. */
  name: z.string(),
})
export type Named = z.infer<typeof namedSchema>

const reportPeriodSchema = z.object({
  kind: z.enum(['month', 'week', 'days']),
  /** "2026-10", "2026-W41" or "2026-10-05..2026-10-11". */
  name: z.string(),
  /** IANA name of the time zone in which its days begin. */
  zone: z.string(),
  from: time,
  to: time,
})
export type ReportPeriod = z.infer<typeof reportPeriodSchema>

/** From a file's last change to the confirmation that it is durable at the destination; nearest rank, milliseconds. */
const delaySchema = z.object({
  /** Files with a known time of change before their confirmation. */
  files: count,
  p50: z.number(),
  p99: z.number(),
  max: z.number(),
})
export type Delay = z.infer<typeof delaySchema>

/** Files of one source at one destination. */
const transferSchema = z.object({
  source: namedSchema,
  destination: namedSchema,
  /** True: on this computer, where copies are not safe. Missing in the reports of earlier versions. */
  isHere: z.boolean().optional(),
  /** Files whose latest content became durable in the period. */
  durable: amountSchema,
  /** null: none was measured. */
  delay: delaySchema.nullable(),
  /** Files that the destination proved again to have; the last proof of each is in the period. */
  proven: count,
  /** Sent files that were deleted at the source in the period: by Holdfast, and by others. */
  deletedByHoldfast: amountSchema,
  deletedByOthers: amountSchema,
  /** When the report was made. */
  waiting: amountSchema,
  parked: count,
  /** When the first file of this source was sent to this destination; null: none was. */
  since: time.nullable(),
})
export type Transfer = z.infer<typeof transferSchema>

/** Files that were read again, and what was wrong with some of them. */
const readingSchema = amountSchema.extend({ damaged: count, missing: count, unreadable: count })

/** The proofs of one destination in the period. */
const proofSchema = z.object({
  destination: namedSchema,
  /** Random files that it has proven. */
  samples: readingSchema,
  /**
   * The probability that the samples would have shown damage of 0.1 % of the files at the end of the period, each since
   * it came; null: there were no samples.
   */
  confidence: z.number().min(0).max(1).nullable(),
  /** Files that `holdfast verify` has read. */
  verified: readingSchema,
  /** Damaged or missing files that got their content again. */
  healed: amountSchema,
  /** The last sample or verification; null: there was none. */
  lastAt: time.nullable(),
})
export type ProofReport = z.infer<typeof proofSchema>

/** Files of one rule that were due in the period. */
const expectedRuleSchema = z.object({
  source: namedSchema,
  pattern: z.string(),
  expected: count,
  /** Includes late ones. */
  arrived: count,
  late: count,
  missing: count,
  /** From when on files were expected; null: unknown. */
  since: time.nullable(),
  /** As in the settings when the report was made; null: the rule was removed from them. */
  everyMinutes: count.nullable(),
  withinMinutes: count.nullable(),
})

/** Returns the schema of a bounded list. `more`: the number of entries that it leaves out. */
const createListSchema = <Entry extends z.ZodType>(entry: Entry) =>
  z.object({ entries: z.array(entry), more: count })

const expectedFileSchema = z.object({ source: namedSchema, path: z.string(), due: time })

const missingFileSchema = expectedFileSchema.extend({
  /** The size of the file that is there, but too small to count; null: none is. */
  tooSmall: count.nullable(),
})

const lateFileSchema = expectedFileSchema.extend({ arrivedAt: time })

const parkedFileSchema = z.object({
  source: namedSchema,
  destination: namedSchema,
  path: z.string(),
  size: z.number(),
  reason: messageSchema.nullable(),
})

/** Checks of one path. */
const availabilitySchema = z.object({
  path: namedSchema,
  checks: count,
  /** Checks without a failure. A slow path is available. */
  good: count,
  /** `good` of `checks`; null: there was no check. */
  percent: z.number().min(0).max(100).nullable(),
  /** Hours of the period so far with at least one check, in percent of all. */
  measuredPercent: z.number().min(0).max(100),
})
export type Availability = z.infer<typeof availabilitySchema>

const reportIncidentSchema = z.object({
  kind: z.enum(incidentKinds),
  /** Names of all paths or other subjects that were part of it; of expected files, those that its sentence names. */
  subjects: z.array(z.string()),
  sentence: messageSchema,
  /** Sentences about the cause, as the system reported it; empty: unknown. */
  cause: z.array(messageSchema).default([]),
  startedAt: time,
  /** null: it has not ended. */
  endedAt: time.nullable(),
  /** Its length until the report was made. */
  lengthMs: z.number().min(0),
})

/** A cause of the failures of disks of one kind, on this computer and on those that report theirs to it. */
const causeSchema = z.object({
  kind: z.enum(diskKinds),
  /** The sentence of its latest failure; null: the cause is unknown. */
  cause: messageSchema.nullable(),
  count,
  /** Number of all failures of this kind. */
  of: count,
  /** Number of the computers with this cause. */
  computers: count,
  /** Failures that began in each hour of the day, in the zone of the period. */
  hours: z.array(count).length(24),
})
export type CauseReport = z.infer<typeof causeSchema>

/** Files that one computer sent to the store. */
const stationSchema = z.object({
  folder: z.string(),
  name: z.string(),
  /** Contents that arrived in the period and are still stored. */
  arrived: amountSchema,
  /** First and last arrival in the period; null: nothing arrived. */
  firstAt: time.nullable(),
  lastAt: time.nullable(),
  /** Incidents that it was not connected, which overlap the period; and the length of the parts in the period. */
  gaps: count,
  gapMs: z.number().min(0),
})
export type Station = z.infer<typeof stationSchema>

export const reportSchema = z.object({
  version: z.literal(1),
  /** computer: of an agent; store: of a receiver's store. */
  scope: z.enum(['computer', 'store']),
  computer: z.string(),
  /** The version of Holdfast. */
  holdfast: z.string(),
  madeAt: time,
  period: reportPeriodSchema,
  /** Sentences about what the data do not cover. */
  notes: z.array(messageSchema),
  // null: not part of this report, or not readable, which a note explains.
  transfers: z.array(transferSchema).nullable(),
  proofs: z.array(proofSchema).nullable(),
  expected: z.array(expectedRuleSchema).nullable(),
  missing: createListSchema(missingFileSchema).nullable(),
  late: createListSchema(lateFileSchema).nullable(),
  parked: createListSchema(parkedFileSchema).nullable(),
  availability: z.array(availabilitySchema).nullable(),
  incidents: createListSchema(reportIncidentSchema).nullable(),
  /** Counts all incidents, listed or not; the most frequent of each kind come first. Reports of earlier versions lack it. */
  causes: z.array(causeSchema).default([]),
  stations: createListSchema(stationSchema).nullable(),
})
export type Report = z.infer<typeof reportSchema>
