import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { incidentKinds } from './kinds.ts'

/** A failure with a beginning and an end: the same for the policy, the file, the window and every channel. */
export const incidentSchema = z.object({
  id: z.string(),
  kind: z.enum(incidentKinds),
  /** What failed alike and together is one incident: the mount point, or the part of Holdfast that it is about. */
  group: z.string(),
  /** All that it was begun with was perhaps of the paths' own. */
  isOwn: z.boolean(),
  /** Every path, or other subject, that was part of it: what it is called, by its id. */
  paths: z.record(z.string(), z.string()),
  /** What is said of those that fail now, by the same ids; the first of them speaks for the incident. */
  failing: z.record(z.string(), messageSchema),
  /** Ids of the sources that it is about. */
  sources: z.array(z.string()),
  sentence: messageSchema,
  /** The shell's name of the step that failed (touch, ls, rm), where a step did. */
  step: z.string().nullable(),
  /** Milliseconds since 1970: since when it fails, and when Holdfast found out. */
  startedAt: z.number(),
  noticedAt: z.number(),
  endedAt: z.number().nullable(),
  /** Somebody was told, or need not be, as it comes and goes. */
  told: z.boolean(),
  /** It comes and goes: neither that it is there is told, nor its end. */
  isSilent: z.boolean(),
  /** How often it was told again. */
  repeats: z.number(),
  /** Who has seen to it, and when: it is told no more until it is over. */
  acknowledged: z.object({ at: z.number(), by: z.string() }).nullable(),
  /** It is not told again before; milliseconds since 1970. */
  snoozedUntil: z.number().nullable(),
})
export type Incident = z.infer<typeof incidentSchema>
