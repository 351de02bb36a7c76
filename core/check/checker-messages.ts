import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import type { WorkerDefinition } from '../lib/workers/definition.ts'
import { diskCountersSchema } from '../settings/schema.ts'
import { checkSettingsSchema } from '../settings/worker-groups.ts'
import { evidenceQuestionSchema, evidenceSchema } from './evidence/evidence-messages.ts'
import { pathFactsSchema } from './inspect.ts'
import { type MountIdentity, mountIdentitySchema } from './mount-identity.ts'
import { type VerdictKind, verdictKinds } from './verdict-kinds.ts'

export const probeKinds = ['mount', 'read', 'write'] as const
export type ProbeKind = (typeof probeKinds)[number]

export { type MountIdentity, type VerdictKind, verdictKinds }

const verdictSchema = z.object({
  kind: z.enum(verdictKinds),
  /** The step that failed ("create", "fsync", "list", "remove", "open", "read", "stat" …); null if none failed. */
  step: z.string().nullable(),
  /** The system's error name, such as EROFS; null where no call failed. */
  code: z.string().nullable(),
  /** Duration of the probe, so far if it is still running, in milliseconds. */
  elapsedMs: z.number(),
  /** A sentence with the failure, the path, the reason and the remedy. */
  sentence: messageSchema,
})
export type Verdict = z.infer<typeof verdictSchema>

/** The remembered state of the file system that a path is on; kept over a restart. */
export const knownMountSchema = z.object({
  mount: mountIdentitySchema,
  readOnlyByIntent: z.boolean(),
  soundErrorsCount: z.number().nullable().default(null),
})
export type RememberedMount = z.infer<typeof knownMountSchema>

export const checkedSchema = z.object({
  id: z.string(),
  path: z.string(),
  /** Milliseconds since 1970 of the tick that these verdicts belong to. */
  at: z.number(),
  /** The gravest of the probes' verdicts. */
  overall: verdictSchema,
  probes: z.partialRecord(z.enum(probeKinds), verdictSchema),
  /** Read delay in milliseconds: open, one 4096-byte read, close; null if it failed. */
  delayMs: z.number().nullable(),
  /** The file system that the path is on; null if it is unknown. */
  mount: mountIdentitySchema.nullable(),
  /** The mount was read-only when the path was chosen: intended by the person, not a fault. */
  readOnlyByIntent: z.boolean(),
  /** ext4's errors_count when the file system was last sound; null: unknown, or to be read again as a new start. */
  soundErrorsCount: z.number().nullable(),
  /** The target of its link, if that is not the path; null: the link is broken. */
  leadsTo: z.string().nullable().optional(),
})
export type Checked = z.infer<typeof checkedSchema>

/**
 * Results of smartctl. asleep: the disk sleeps and was not woken; no-program: smartctl is not installed;
 * not-permitted: this user may not query the disk; unsupported: the disk, its controller or its USB bridge has no
 * SMART; late: smartctl did not return in time; failed: another error.
 */
export const smartResults = [
  'read',
  'asleep',
  'no-program',
  'not-permitted',
  'unsupported',
  'late',
  'failed',
] as const
export type SmartResult = (typeof smartResults)[number]

export const diskFactsSchema = z.object({
  /** The same after a restart of the computer, as far as the disk has an identifier. */
  id: z.string(),
  kind: z.enum(['disk', 'array', 'pool']),
  /** "sda", "md0", or the pool's name. */
  name: z.string(),
  model: z.string().nullable(),
  /** The last four characters of the serial number, which is printed on the disk. */
  serial: z.string().nullable(),
  /** Ids of the sources, checked paths and folder destinations on it. */
  folders: z.array(z.string()),
  /** null: an array or a pool, which has no SMART. */
  smart: z.enum(smartResults).nullable(),
  /** The reason of "failed", in the program's words. */
  reason: z.string().nullable(),
  /** Milliseconds since 1970 of the last complete reading; null: none since Holdfast started. */
  readAt: z.number().nullable(),
  counters: diskCountersSchema,
  /** The array is being rebuilt, or the pool resilvered. */
  isRebuilding: z.boolean(),
})
export type DiskFacts = z.infer<typeof diskFactsSchema>

/** Summary of one check, or of all checks in a span of time. Delays are in milliseconds. */
const historyPointSchema = z.object({
  /** Milliseconds since 1970: the time of the check, or the start of the span. */
  at: z.number(),
  /** Number of checks. */
  count: z.number(),
  /** Over the checks that have a delay; null if there is none. */
  delays: z.object({ min: z.number(), median: z.number(), p99: z.number(), max: z.number() }).nullable(),
  /** The gravest verdict among them. */
  gravest: z.enum(verdictKinds),
  /** How often each verdict was given. */
  kinds: z.partialRecord(z.enum(verdictKinds), z.number()),
})
export type HistoryPoint = z.infer<typeof historyPointSchema>

export const historyQuestionSchema = z.object({
  id: z.string(),
  /** Milliseconds since 1970: `from` (inclusive) to `to` (exclusive). */
  from: z.number(),
  to: z.number(),
  /** Limit of points; spans are as short as it allows. */
  points: z.number().int().min(1).max(2_000),
})
export type HistoryQuestion = z.infer<typeof historyQuestionSchema>

export const historyAnswerSchema = z.object({
  /** Oldest first; a span without checks has no point. */
  points: z.array(historyPointSchema),
  /** Length of a point's span in milliseconds; 0: each point is one check. */
  spanMs: z.number(),
})
export type HistoryAnswer = z.infer<typeof historyAnswerSchema>

/** The gravest verdict of each hour of the last day, oldest first, by path; null: no check. */
export const dayVerdictsSchema = z.record(z.string(), z.array(z.enum(verdictKinds).nullable()))
export type DayVerdicts = z.infer<typeof dayVerdictsSchema>

const checkedPathSchema = z.object({
  id: z.string(),
  path: z.string(),
  /** A name that leads to the path through symbolic links; the check reports its present target. */
  link: z.string().optional(),
  probes: z.array(z.enum(probeKinds)),
  /** The write probe puts the directory's modification time back. */
  keepsTime: z.boolean().optional(),
})
export type PathToCheck = z.infer<typeof checkedPathSchema>

export const checkerDefinition = {
  name: 'checker' as const,
  config: z.object({
    ...checkSettingsSchema.shape,
    /** The settings allow whole seconds; the checker also takes parts of one. */
    intervalSeconds: z.number(),
    /**
     * A probe that runs longer than this has failed as hung; null: chosen so that a hang is known within the interval
     * plus a second.
     */
    timeoutSeconds: z.number().nullable(),
    /** The database of delays and verdicts; null: no history is kept. */
    historyPath: z.string().nullable(),
    paths: z.array(checkedPathSchema),
    /** Mounts remembered by an earlier run, by path id: an unmounted disk stays "missing" over a restart. */
    knownMounts: z.record(z.string(), knownMountSchema),
  }),
  /** Only the paths that have a new verdict. At most one report in 100 ms. */
  report: z.object({
    checked: z.array(checkedSchema),
    /** A sentence about the history for a person. */
    notice: messageSchema.optional(),
    /** The disks below the paths, after each reading of their health. */
    disks: z.object({ at: z.number(), all: z.array(diskFactsSchema) }).optional(),
  }),
  requests: {
    /** Probes every path, or only these, now, in addition to their timetable. */
    checkNow: { input: z.object({ ids: z.array(z.string()).optional() }), output: z.object({}) },
    /** Returns once no check of this path, which is no longer checked, has a file open there. */
    release: { input: z.object({ path: z.string() }), output: z.object({}) },
    /** Examines a path that a person wants to add (inspectPath). */
    inspect: { input: z.object({ path: z.string() }), output: pathFactsSchema },
    /** Lists the directories in a directory, by name, without hidden ones (listDirectories). */
    list: {
      input: z.object({ path: z.string() }),
      output: z.object({
        names: z.array(z.string()),
        /** There are more than the limit. */
        isCut: z.boolean(),
      }),
    },
    /** Reads the health of the disks soon, in addition to the timetable. */
    readDisks: { input: z.object({}), output: z.object({}) },
    /** Returns what the system reports about the failure of a path (EvidenceRecorder). */
    evidence: { input: evidenceQuestionSchema, output: evidenceSchema },
    /** Returns delays and verdicts of one path over a time, for plotting. */
    history: { input: historyQuestionSchema, output: historyAnswerSchema },
    /** Returns the gravest verdicts of every path in each of the last 24 hours. */
    day: { input: z.object({}), output: dayVerdictsSchema },
  },
} satisfies WorkerDefinition
