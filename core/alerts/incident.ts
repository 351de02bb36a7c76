import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { incidentKinds } from './kinds.ts'

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
  /** Earliest time of the next notification; milliseconds since 1970. */
  snoozedUntil: z.number().nullable(),
})
export type Incident = z.infer<typeof incidentSchema>
