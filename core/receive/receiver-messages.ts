import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import type { WorkerDefinition } from '../lib/workers/definition.ts'
import {
  LONGEST_WORD,
  MAX_CODE_MINUTES,
  MAX_CODE_USES,
  MAX_PROPOSAL_BYTES,
  senderLevels,
} from '../protocol/limits.ts'
import { keptProposalSchema } from '../protocol/proposal.ts'
import { keepSchema } from '../settings/schema.ts'
import type { StoreRules } from '../store/quota/admission.ts'

/** Maximum number of senders in a report; the gravest come first. */
export const MOST_SENDERS = 500

/** A computer that may send to this receiver. Times in milliseconds since 1970, by this computer's clock. */
export const receivedSenderSchema = z.object({
  fingerprint: z.string(),
  name: z.string(),
  /** Its folder in the store. */
  folder: z.string(),
  /** null: accepted without pairing. */
  pairedAt: z.number().nullable(),
  /** null: never connected. */
  seenAt: z.number().nullable(),
  connected: z.boolean(),
  /** Its last status report, and the time of it; null: none yet. */
  level: z.enum(senderLevels).nullable(),
  sentence: z.string().nullable(),
  /** The same sentence as a message, if the sender supplied one. */
  words: messageSchema.nullable(),
  /** The causes of the failure that it is about. */
  causes: z.array(messageSchema).optional(),
  statusAt: z.number().nullable(),
  /** Since when all its reports have been "failing"; null: the last report was not. */
  failingSince: z.number().nullable(),
  /** Its usage of the store, including older versions. */
  files: z.number(),
  bytes: z.number(),
  /** Bytes that it may still store, by its quota and the disk's free space; null: not known yet. */
  spaceBytes: z.number().nullable(),
  /** A text by which the receiver's operator groups senders; empty: none. */
  label: z.string(),
  /** The values of its last status report; null: there was none. */
  version: z.string().nullable(),
  /** The files that wait there, and the time of modification of the oldest, by its clock; null: none. */
  waitingFiles: z.number().nullable(),
  oldestWaitingAt: z.number().nullable(),
  /** True if it took proposed settings on its last connection; null: unknown. */
  takesProposals: z.boolean().nullable(),
  /** The settings that were last proposed to it; null: none. */
  proposal: keptProposalSchema.omit({ text: true }).nullable(),
  /** See SenderState; omitted by an earlier version. */
  absences: z.array(z.number()).readonly().optional(),
})
export type ReceivedSender = z.infer<typeof receivedSenderSchema>

/** The last test of the store's disk. */
export const storeHealthSchema = z.object({
  /** Empty: it is healthy. */
  problems: z.array(messageSchema),
  /** Tests in a row that have found a problem: a single one may be temporary. */
  failures: z.number(),
})

const runningSchema = z.object({
  port: z.number(),
  fingerprint: z.string(),
  storeDirectory: z.string(),
  receivedFiles: z.number(),
  receivedBytes: z.number(),
  refusedConnections: z.number(),
  store: storeHealthSchema,
  /** The senders that may send, at most MOST_SENDERS. */
  senders: z.array(receivedSenderSchema),
})
export type RunningReport = z.infer<typeof runningSchema>

const limit = z.number().nullable()
const storeRulesSchema: z.ZodType<StoreRules> = z.object({
  keep: keepSchema,
  lockDays: z.number(),
  floor: z.object({ bytes: z.number(), percent: z.number() }),
  quota: z.object({
    each: z.object({ bytes: limit, files: limit }),
    of: z.record(z.string(), z.object({ bytes: limit, files: limit })),
  }),
})

/** Fingerprints of senders. */
const certificates = { fingerprints: z.array(z.string()).min(1).max(100_000) }

export const receiverDefinition = {
  name: 'receiver' as const,
  config: z.object({
    storeDirectory: z.string(),
    /** Directory that records the stores that were set up. */
    setUpStores: z.string(),
    host: z.string(),
    /** 0: any free port; the report contains it. */
    port: z.number().int().min(0).max(65_535),
    name: z.string(),
    rules: storeRulesSchema,
    /** Where original isocket clients are accepted; null: nowhere. */
    isocket: z.object({ host: z.string(), port: z.number() }).nullable(),
  }),
  /** The state of the running receiver, or the reason why it cannot start; it retries automatically. */
  report: z.union([runningSchema, z.object({ problem: messageSchema })]),
  requests: {
    /** Tests the store now. */
    health: {
      input: z.object({}),
      output: z.object({
        /** Empty: it is healthy. */
        problems: z.array(messageSchema),
        /** null: its disk does not answer. */
        freeBytes: z.number().nullable(),
        /** Age of the oldest unanswered call to its disk. */
        stalledSeconds: z.number(),
      }),
    },
    /** Returns the receiver's metrics in Prometheus' text format; empty while it cannot run. */
    metrics: { input: z.object({}), output: z.object({ text: z.string() }) },
    /**
     * Creates a one-time pairing code. `minutes`: its lifetime. `replaces`: fingerprint, folder or name of the sender
     * whose place and folder the new one takes.
     */
    invite: {
      input: z
        .object({
          replaces: z.string().nullable(),
          /** Computers that the code pairs; default: 1. */
          uses: z.number().int().min(1).max(MAX_CODE_USES).optional(),
          /** Its validity; default: 15. */
          minutes: z.number().int().min(1).max(MAX_CODE_MINUTES).optional(),
        })
        .refine(({ replaces, uses = 1 }) => replaces === null || uses === 1, {
          error: 'a code that replaces a computer pairs one',
          path: ['uses'],
        }),
      output: z.object({
        code: z.string(),
        /** An address and a short code, for people who type; null for several computers. */
        short: z.string().nullable(),
        minutes: z.number(),
        uses: z.number(),
        /** Milliseconds since 1970. */
        expiresAt: z.number(),
      }),
    },
    /** Returns how many more computers a code pairs, and until when; null: it is used up, or has expired. */
    readInvitation: {
      input: z.object({ code: z.string().max(2000) }),
      output: z.object({ uses: z.number(), expiresAt: z.number() }).nullable(),
    },
    /** Returns the number of files that arrived in each of the last 24 hours, oldest first, by folder. */
    day: { input: z.object({}), output: z.object({ received: z.record(z.string(), z.array(z.number())) }) },
    renameSender: { input: z.object({ fingerprint: z.string(), name: z.string() }), output: z.object({}) },
    /** Sets the text by which senders are grouped; empty: none. */
    labelSender: {
      input: z.object({ fingerprint: z.string(), label: z.string().max(LONGEST_WORD) }),
      output: z.object({}),
    },
    /** Proposes settings to senders, as JSON; each one's former proposal is replaced. `by`: the person. */
    proposeSettings: {
      input: z.object({ ...certificates, text: z.string().max(MAX_PROPOSAL_BYTES), by: z.string() }),
      output: z.object({}),
    },
    /** Withdraws the proposals that wait for a decision. */
    withdrawProposals: { input: z.object(certificates), output: z.object({}) },
    /** Refuses a sender until it is paired again. Its files are kept. */
    revokeSender: { input: z.object({ fingerprint: z.string() }), output: z.object({}) },
  },
} satisfies WorkerDefinition
