import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import type { WorkerDefinition } from '../lib/workers/definition.ts'
import { senderLevels } from '../protocol/limits.ts'
import { keepSchema } from '../settings/schema.ts'

/** Senders that a report names. */
export const MOST_SENDERS = 500

/** A computer that may send here; times in milliseconds since 1970, by this computer's clock. */
export const receivedSenderSchema = z.object({
  fingerprint: z.string(),
  name: z.string(),
  /** In the store. */
  folder: z.string(),
  /** null: it never was connected. */
  seenAt: z.number().nullable(),
  connected: z.boolean(),
  /** What it last said of itself, and when; null: it never did. */
  level: z.enum(senderLevels).nullable(),
  sentence: z.string().nullable(),
  /** The same, if it said so. */
  words: messageSchema.nullable(),
  statusAt: z.number().nullable(),
  /** What it has in the store, older contents included. */
  files: z.number(),
  bytes: z.number(),
})
export type ReceivedSender = z.infer<typeof receivedSenderSchema>

const runningSchema = z.object({
  port: z.number(),
  fingerprint: z.string(),
  storeDirectory: z.string(),
  receivedFiles: z.number(),
  receivedBytes: z.number(),
  refusedConnections: z.number(),
  /** Those that may send, at most MOST_SENDERS. */
  senders: z.array(receivedSenderSchema),
})
export type RunningReport = z.infer<typeof runningSchema>

export const receiverDefinition = {
  name: 'receiver' as const,
  config: z.object({
    storeDirectory: z.string(),
    /** Where set-up stores are remembered. */
    setUpStores: z.string(),
    host: z.string(),
    /** 0: any free port; the report says which. */
    port: z.number().int().min(0).max(65_535),
    name: z.string(),
    /** What each sender may have there, in bytes; null: no limit. */
    quotaBytes: z.number().nullable(),
    /** Which older contents stay. */
    keep: keepSchema,
  }),
  /** How it runs, or why it cannot start; then it tries again by itself. */
  report: z.union([runningSchema, z.object({ problem: messageSchema })]),
  requests: {
    /**
     * Makes a pairing code, which works once. `minutes`: for so long. `replaces`: the sender, by its fingerprint, folder or
     * name, whose place and folder the new one takes.
     */
    invite: {
      input: z.object({ replaces: z.string().nullable() }),
      output: z.object({ code: z.string(), minutes: z.number() }),
    },
    renameSender: { input: z.object({ fingerprint: z.string(), name: z.string() }), output: z.object({}) },
    /** Takes nothing more of a sender until it is paired again; what it has sent stays. */
    revokeSender: { input: z.object({ fingerprint: z.string() }), output: z.object({}) },
  },
} satisfies WorkerDefinition
