import { z } from 'zod'
import { fileSchema, fileStates, totalsSchema } from '../ledger/ledger-messages.ts'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import type { WorkerDefinition } from '../lib/workers/definition.ts'
import { senderLevels } from '../protocol/limits.ts'
import { destinationSchema, receiverDestinationSchema } from '../settings/destination-schema.ts'
import { givenSecretsSchema, testedDestinationSchema } from '../settings/given-destination.ts'
import {
  bytesPerSecondSchema,
  keepSchema,
  priorities,
  sendRuleSchema,
  sourceFiltersSchema,
} from '../settings/schema.ts'

export const transferSchema = z.object({
  id: z.number(),
  source: z.string(),
  /** Relative to the source, with "/". */
  path: z.string(),
  size: z.number(),
  sentBytes: z.number(),
})
export type Transfer = z.infer<typeof transferSchema>

/** A file that waits because it keeps changing. Times are in milliseconds since 1970. */
export const restlessSchema = z.object({
  source: z.string(),
  /** Relative to the source, with "/". */
  path: z.string(),
  size: z.number(),
  /** Attempts since the last version was stored in which the file was rewritten while it was sent. */
  tries: z.number(),
  /** Beginning of the first of these attempts; null: there was none. */
  since: z.number().nullable(),
  /** The version at the destination is of this time; null: it has none. */
  storedAt: z.number().nullable(),
  /** The next version goes then at the latest, or earlier if the file rests; null: now. */
  nextAt: z.number().nullable(),
})
export type RestlessFile = z.infer<typeof restlessSchema>

export const connectionSchema = z.object({
  state: z.enum(['idle', 'connecting', 'connected', 'unreachable', 'refused']),
  /** Milliseconds since 1970 of the last change of state. */
  since: z.number(),
  problem: messageSchema.nullable(),
  /** Whether the last connection has led back to this computer, whatever name the receiver was dialled by. */
  toItself: z.boolean().optional(),
  /** Bytes of the file system that the destination is on, where it says so. */
  space: z.object({ free: z.number(), total: z.number() }).optional(),
})
export type Connection = z.infer<typeof connectionSchema>

/** What sending may use of the line now, by the settings' limit and schedule. */
export const allowanceSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('free') }),
  z.object({ kind: z.literal('limit'), bytesPerSecond: z.number() }),
  /** Nothing is sent at all. */
  z.object({ kind: z.literal('pause') }),
])

/** `until`: when it changes (milliseconds since 1970); null: not within a week. */
export const allowanceNowSchema = z.object({ now: allowanceSchema, until: z.number().nullable() })

/** When, and where not, a source's files are removed after they were sent. */
export const removalRuleSchema = z.object({
  /** So long must a file have been durable at the destination, in milliseconds. */
  afterMs: z.number(),
  /** Of a batch source: names that are never removed. */
  marks: z.array(z.string()),
  /** Of a batch source: the mark that a directory must carry; null: any directory will do. */
  sentMark: z.string().nullable(),
})
export type RemovalRule = z.infer<typeof removalRuleSchema>

/** How this computer is, as its receivers are told. */
export const ownStatusSchema = z.object({
  level: z.enum(senderLevels),
  /** The kind of the gravest incident; null: there is none. */
  kind: z.string().nullable(),
  /** In English: it is read at another computer. */
  sentence: z.string(),
  /** The same, for whoever reads another language. */
  words: messageSchema.optional(),
  /** Of this Holdfast. */
  version: z.string(),
})
export type OwnStatus = z.infer<typeof ownStatusSchema>

/** The steps of a test of a destination, in their order. */
export const testSteps = ['connect', 'write', 'read', 'remove'] as const
export type TestStep = (typeof testSteps)[number]

export const testStages = ['given', 'adding', 'kept'] as const
export type TestStage = (typeof testStages)[number]

/** What a test of a destination has found. */
export const destinationTestSchema = z.object({
  works: z.boolean(),
  /** `ms`: how long the step took; null: it was not tried. */
  steps: z.array(z.object({ step: z.enum(testSteps), done: z.boolean(), ms: z.number().nullable() })),
  /** What works, or what failed and what to do. */
  sentence: messageSchema,
  found: z.object({
    /** The host key that an SFTP server has shown, as the settings have it. */
    hostKey: z.string().optional(),
    /** SHA-256 of a certificate that no authority has signed, as the settings have it. */
    certificate: z.string().optional(),
    /** Whether what is stored outlives a crash of the server. */
    durable: z.boolean().optional(),
    /** It works, and yet does not protect from what a destination is for. */
    warning: messageSchema.optional(),
    /** What the place can do, and cannot. */
    notes: z.array(messageSchema),
  }),
})
export type DestinationTest = z.infer<typeof destinationTestSchema>

export const senderDefinition = {
  name: 'sender' as const,
  config: z.object({
    /** Directory of this computer's certificate and key; made at the first start. Like the ledger's, it never changes. */
    identityDirectory: z.string(),
    ledgerPath: z.string(),
    /** null: none; the sender then only keeps the ledger. */
    destination: destinationSchema.nullable(),
    /** Of that destination, by the names that its kind has; see the settings' schema. */
    secrets: z.record(z.string(), z.string()).optional(),
    /** Ids of all sources of the settings, also of those that go elsewhere; without, `sources`. */
    known: z.array(z.string()).optional(),
    /** Where each source's files are, its folder's name at the destination, and whether it uses marks. */
    sources: z.array(
      z.object({
        id: z.string(),
        path: z.string(),
        name: z.string(),
        groupWriteMark: z.boolean(),
        paused: z.boolean(),
        /** Files that wait and are left out by these are not sent; without, all are. */
        filters: sourceFiltersSchema.optional(),
        /** Without, normal. */
        priority: z.enum(priorities).optional(),
        /** Its files are removed after they were sent; left out: never. */
        removal: removalRuleSchema.optional(),
        /** Ids of its other destinations: marks and removals are for files that each of them has. */
        alsoTo: z.array(z.string()).optional(),
      }),
    ),
    paused: z.boolean(),
    retrySeconds: z.number(),
    /** The most whole versions of one large file in an hour; without, the settings' default. */
    versionsPerHour: z.number().optional(),
    /** Which older contents stay at the destination; a receiver has rules of its own. */
    keep: keepSchema,
    /** Bytes a second over all sources, and at which times of the week it is another limit, or a pause. */
    limit: z.object({
      bytesPerSecond: bytesPerSecondSchema.nullable(),
      schedule: z.array(sendRuleSchema),
      /** How many destinations share it now; without, 1. */
      shares: z.number().int().min(1).optional(),
    }),
    /** Left out: the receiver is told nothing of it. It is told with the next heartbeat. */
    status: ownStatusSchema.optional(),
  }),
  /** At most one report in 250 ms. */
  report: z.object({
    /** SHA-256 of this computer's certificate, once it is loaded. */
    fingerprint: z.string().nullable(),
    connection: connectionSchema,
    /** For the current destination, by source id. */
    totals: z.record(z.string(), totalsSchema),
    /** The last file that became durable, by source id. */
    lastFile: z.record(z.string(), z.object({ path: z.string(), at: z.number() })),
    /** Files on the wire, at most 20. */
    transfers: z.array(transferSchema),
    /** Bytes a second over the last seconds, by source id. */
    rates: z.record(z.string(), z.number()),
    /** About how many milliseconds what waits will take, by source id, and of all; left out, null: unknown. */
    left: z.record(z.string(), z.number()),
    leftOfAll: z.number().nullable(),
    /** Files that wait because they keep changing, at most 20 of them; left out: none. They are not in `left`. */
    restless: z.array(restlessSchema).optional(),
    allowance: allowanceNowSchema,
    /** What a person should know; told once. */
    notice: messageSchema.optional(),
  }),
  requests: {
    /** A page of the ledger, newest first; `before` is the last id of the page before. */
    files: {
      input: z.object({
        source: z.string().nullable(),
        state: z.enum(fileStates).nullable(),
        before: z.number().nullable(),
        limit: z.number().int().min(1).max(200),
        /** Only those with this in their path, of the newest; see `SEARCHED` in core/ledger/pages.ts. */
        text: z.string().max(200).optional(),
        /** Ids of the destinations; without, this one. */
        destinations: z.array(z.string()).optional(),
      }),
      output: z.object({ files: z.array(fileSchema), more: z.boolean() }),
    },
    /** Gives parked files another try; file: this row of the ledger alone. */
    retry: {
      input: z.object({ source: z.string().nullable(), file: z.number().int().optional() }),
      output: z.object({ files: z.number() }),
    },
    /**
     * Tries a destination; answers within TEST_MS. `stage`: it is given alone, it is about to be added (a folder is made
     * ready), or it is in the settings.
     */
    test: {
      input: z.object({
        destination: testedDestinationSchema,
        secrets: givenSecretsSchema,
        stage: z.enum(testStages),
      }),
      output: destinationTestSchema,
    },
    /** Pairs with a receiver by its one-time code; the answer is the destination to be kept in the settings. */
    pair: {
      input: z.object({ code: z.string(), name: z.string() }),
      output: receiverDestinationSchema,
    },
  },
} satisfies WorkerDefinition
