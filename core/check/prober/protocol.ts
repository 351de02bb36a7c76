import { z } from 'zod'
import { probeKinds } from '../messages.ts'
import type { Findings, PathMemory, Progress } from '../probes/findings.ts'

/**
 * What a front process asks of its prober: the process that touches users' paths, so that the front itself can
 * always answer and end. Paths are one character a byte (latin1), as the system has them.
 */
const job = { id: z.number(), path: z.string() }

export const jobSchema = z.discriminatedUnion('does', [
  /** The first 4096 bytes. */
  z.object({ ...job, does: z.literal('read') }),
  /** The write probe in a directory. */
  z.object({ ...job, does: z.literal('write') }),
  /** A small file's content. */
  z.object({ ...job, does: z.literal('text') }),
  /** All of a check. */
  z.object({
    ...job,
    does: z.literal('check'),
    probes: z.array(z.enum(probeKinds)),
    memory: z.custom<PathMemory>(isObject),
  }),
])
export type Job = z.infer<typeof jobSchema>

/** Both ends are one release of one program: what the probes pass on among themselves is taken as it is. */
function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

const failureSchema = z.object({
  step: z.string(),
  errno: z.number(),
  code: z.string(),
  /** no-inodes: ENOSPC, though there may be space. */
  cause: z.enum(['call', 'no-inodes']),
})
export type StepFailure = z.infer<typeof failureSchema>

export const answerSchema = z.discriminatedUnion('did', [
  z.object({
    id: z.number(),
    did: z.literal('read'),
    delayMs: z.number(),
    failure: failureSchema.nullable(),
    isBuffered: z.boolean(),
  }),
  /** A write probe has come to this step; it is not over yet. */
  z.object({ id: z.number(), did: z.literal('step'), step: z.string() }),
  z.object({
    id: z.number(),
    did: z.literal('write'),
    elapsedMs: z.number(),
    failures: z.array(failureSchema),
  }),
  /** A read that was asked for as a quick one was not done: its file system stalls, or no lane is free. */
  z.object({ id: z.number(), did: z.literal('withdrawn') }),
  /** Where a check has got to; it is not over yet. */
  z.object({
    id: z.number(),
    did: z.literal('progress'),
    progress: z.custom<Omit<Progress, 'leaveFileSystem'>>(isObject),
    hasLeft: z.boolean(),
  }),
  z.object({ id: z.number(), did: z.literal('check'), findings: z.custom<Findings>(isObject) }),
  z.object({
    id: z.number(),
    did: z.literal('text'),
    text: z.string().nullable(),
    failure: failureSchema.nullable(),
  }),
])
export type Answer = z.infer<typeof answerSchema>

/** What the front sends, all of one moment together. */
export const requestSchema = z.object({
  /** Each is done in a thread of its own, as it may hang. */
  jobs: z.array(jobSchema),
  /** Paths that are read again and again, by the id that their reads have from now on. */
  learn: z.array(z.object({ id: z.number(), path: z.string() })),
  /** Reads of paths that have always answered quickly: they are done by lanes. */
  quick: z.array(z.number()),
  forget: z.array(z.number()),
})
export type Request = z.infer<typeof requestSchema>

/** What the prober sends back, all of one moment together. */
export const resultSchema = z.object({
  answers: z.array(answerSchema),
  /** Quick reads that are well, with O_DIRECT: id, delay in milliseconds, id, delay … */
  wells: z.array(z.number()),
})
export type Result = z.infer<typeof resultSchema>
