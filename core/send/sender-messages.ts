import { z } from 'zod'
import {
  connectionSchema,
  decisionSchema,
  destinationTestSchema,
  ownStatusSchema,
  testStages,
} from '../backends/backend-messages.ts'
import { fileSchema, fileStates, rowPlaceSchema, totalsSchema } from '../ledger/ledger-messages.ts'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { proxyRouteSchema } from '../lib/network/proxy.ts'
import type { WorkerDefinition } from '../lib/workers/definition.ts'
import { fixityKinds } from '../platform/fixity-kinds.ts'
import { proposalSchema } from '../protocol/proposal.ts'
import { priorities } from '../settings/bounds.ts'
import {
  destinationSchema,
  destinationSchemas,
  givenSecretsSchema,
  testedDestinationSchema,
} from '../settings/destination-schema.ts'
import { bytesPerSecondSchema, keepSchema, sendRuleSchema, sourceFiltersSchema } from '../settings/schema.ts'
import { sendingSettingsSchema } from '../settings/worker-groups.ts'

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
  /** Attempts since the last stored version during which the file was rewritten. */
  tries: z.number(),
  /** Start of the first of these attempts; null: no attempt failed this way. */
  since: z.number().nullable(),
  /** Time of the version at the destination; null: it has none. */
  storedAt: z.number().nullable(),
  /** Latest time of the next version, which goes earlier if the file comes to rest; null: now. */
  nextAt: z.number().nullable(),
})
export type RestlessFile = z.infer<typeof restlessSchema>

/** The number of a source's files that the destination has no room for, while it takes others, and one of them. */
export const unfitSchema = transferSchema
  .pick({ source: true, path: true, size: true })
  .extend({ count: z.number() })
export type UnfitFiles = z.infer<typeof unfitSchema>

/** When a source's files are removed after they were sent, and which names stay. */
const removalRuleSchema = z.object({
  /** How long a file must have been durable at the destination, in milliseconds. */
  afterMs: z.number(),
  /** Names in a batch source that are never removed. */
  marks: z.array(z.string()),
  /** The mark that a directory of a batch source must carry; null: none is required. */
  sentMark: z.string().nullable(),
})
export type RemovalRule = z.infer<typeof removalRuleSchema>

/** Upper bounds, in seconds, of the delays that a sender counts: from a moment to a week. */
export const DELAY_SECONDS = [1, 3, 10, 30, 60, 300, 1_800, 3_600, 21_600, 86_400, 604_800]
/** Number and bytes of damaged files. `foundAt`: when one of them was found last, in milliseconds since 1970. */
export const damagedSchema = z.object({ files: z.number(), bytes: z.number(), foundAt: z.number() })

/** See HealPlan.next. */
const healPlaceSchema = z.object({ source: z.string(), path: z.string() })

/** See DamagedFile. */
const damagedFileSchema = healPlaceSchema.extend({
  finding: z.enum(['damaged', 'missing', 'unreadable']),
  at: z.number(),
  size: z.number(),
  digest: z.string().nullable(),
})

/** Random samples that a destination has proven in the last thirty days (core/ledger/proof-figures.ts). */
export const proofFiguresSchema = z.object({
  files: z.number(),
  bytes: z.number(),
  /** Found damaged, missing or unreadable. */
  damaged: z.number(),
  /** The probability that they would have shown damage of 0.1 % of the files, which was there before. */
  confidence: z.number(),
  /** When the last one was proven: milliseconds since 1970. */
  at: z.number(),
})
export type ProofFigures = z.infer<typeof proofFiguresSchema>

/** A round of samples that a person asked for. */
export const proofRoundSchema = z.object({
  isRunning: z.boolean(),
  /** Its end, or its start while it runs: milliseconds since 1970. */
  at: z.number(),
  files: z.number(),
  bytes: z.number(),
  damaged: z.number(),
  missing: z.number(),
  unreadable: z.number(),
  /** Files for which the destination had no answer; they are not counted in `files`. */
  unanswered: z.number(),
  /** The first damaged, missing or unreadable ones, by the name of their source and their path below it. */
  found: z.array(z.object({ path: z.string(), finding: damagedFileSchema.shape.finding })),
})
export type ProofRound = z.infer<typeof proofRoundSchema>

/** See ProofLimits. */
const proofLimitsSchema = z.object({ files: z.number().int().min(0), bytes: z.number().min(0) })

export const senderDefinition = {
  name: 'sender' as const,
  config: z.object({
    /** Directory of the certificate and key, created at the first start. It never changes, nor does `ledgerPath`. */
    identityDirectory: z.string(),
    ledgerPath: z.string(),
    /** Null: the sender only keeps the ledger. */
    destination: destinationSchema.nullable(),
    /** The destination's secrets, by the names that its kind has; see the settings' schema. */
    secrets: z.record(z.string(), z.string()).optional(),
    /** The proxy towards the destination, also for tests and pairing; without, none. */
    proxy: proxyRouteSchema.optional(),
    /** Ids of all sources of the settings, also of those with other destinations; without, `sources`. */
    known: z.array(z.string()).optional(),
    /** Each source's path, its folder's name at the destination, and its use of marks. */
    sources: z.array(
      z.object({
        id: z.string(),
        path: z.string(),
        name: z.string(),
        groupWriteMark: z.boolean(),
        paused: z.boolean(),
        /** Waiting files that these exclude are not sent; without, all are. */
        filters: sourceFiltersSchema.optional(),
        /** Without, normal. */
        priority: z.enum(priorities).optional(),
        /** The rule for removing files after they were sent; left out: they are never removed. */
        removal: removalRuleSchema.optional(),
        /** Digests of each file to record beside BLAKE3; without, none. */
        digests: z.array(z.enum(fixityKinds)).optional(),
        /** Ids of the source's other destinations: a file is marked or removed once each of them has it. */
        alsoTo: z.array(z.string()).optional(),
      }),
    ),
    paused: z.boolean(),
    ...sendingSettingsSchema.shape,
    /** Tests use parts of a second. */
    retrySeconds: z.number(),
    /** Which older versions stay at the destination; a receiver has its own rules. */
    keep: keepSchema,
    /** Bytes a second over all sources, and the weekly times with another limit or a pause. */
    limit: z.object({
      bytesPerSecond: bytesPerSecondSchema.nullable(),
      schedule: z.array(sendRuleSchema),
      /** How many destinations share the limit now; without, 1. */
      shares: z.number().int().min(1).optional(),
    }),
    /** The random samples that the destination proves in a day; left out: none. */
    samples: proofLimitsSchema.optional(),
    /** Sent to a receiver with the next heartbeat; left out: no status is sent. */
    status: ownStatusSchema.optional(),
    /** The last decision about settings that the receiver proposed; left out: it can propose none. */
    proposals: z.object({ decided: decisionSchema.nullable() }).optional(),
  }),
  /** At most one report in 250 ms. */
  report: z.object({
    /** SHA-256 of this computer's certificate, once it is loaded. */
    fingerprint: z.string().nullable(),
    connection: connectionSchema,
    /** For the current destination, by source id. */
    totals: z.record(z.string(), totalsSchema),
    /** The newest file, sent or not, and when it came, by source id. */
    lastFile: z.record(z.string(), z.object({ path: z.string(), at: z.number() })),
    /** When the first file of a source is due, by source id; left out: one is due now, or none waits. */
    nextDue: z.record(z.string(), z.number()),
    /** Files on the wire, at most 20. */
    transfers: z.array(transferSchema),
    /** Bytes a second over the last seconds, by source id. */
    rates: z.record(z.string(), z.number()),
    /**
     * Estimated milliseconds until all waiting files are sent, by source id and in total; left out or null: unknown.
     */
    left: z.record(z.string(), z.number()),
    leftOfAll: z.number().nullable(),
    /** Files that wait because they keep changing, at most 20; left out: none. `left` excludes them, and `unfit`. */
    restless: z.array(restlessSchema).optional(),
    /** Files that the destination has no room for, while it takes others, by source; left out: none. */
    unfit: z.array(unfitSchema).optional(),
    /** A message for the person, reported once. */
    notice: messageSchema.optional(),
    /** The receiver's proposal, reported once after it has changed; null: it waits for no decision. */
    proposal: proposalSchema.nullable().optional(),
    /** Files that the destination has damaged or lost, and that were neither sent again nor healed yet; left out: none. */
    damaged: damagedSchema.optional(),
    /** Left out: there was none. */
    samples: proofFiguresSchema.optional(),
    proofRound: proofRoundSchema.optional(),
  }),
  requests: {
    /** A page of the ledger, newest first; `before` is the `older` of the page before. */
    files: {
      input: z.object({
        source: z.string().nullable(),
        state: z.enum(fileStates).nullable(),
        before: rowPlaceSchema.nullable(),
        limit: z.number().int().min(1).max(200),
        /** Only files with this text in their path, among the newest; see `SEARCHED` in core/ledger/pages.ts. */
        text: z.string().max(200).optional(),
        /** Ids of the destinations; without, this one. */
        destinations: z.array(z.string()).optional(),
      }),
      output: z.object({ files: z.array(fileSchema), older: rowPlaceSchema.nullable() }),
    },
    /** Gives parked files another try; `file`: only this row of the ledger. */
    retry: {
      input: z.object({ source: z.string().nullable(), file: z.number().int().optional() }),
      output: z.object({ files: z.number() }),
    },
    /** Tests a destination; answers within TEST_MS. */
    test: {
      input: z.object({
        destination: testedDestinationSchema,
        secrets: givenSecretsSchema,
        stage: z.enum(testStages),
      }),
      output: destinationTestSchema,
    },
    /** Returns figures for Prometheus that only the sender has, since its start. */
    metrics: {
      input: z.object({}),
      output: z.object({
        /** See Ledger.oldestWaiting. */
        oldestWaitingAt: z.number().nullable(),
        /** Sent files by DELAY_SECONDS, the last ones beyond; and the sum of all delays. */
        delays: z.object({ counts: z.array(z.number()), seconds: z.number() }),
      }),
    },
    /** Plans which damaged files get their content again, and from where (healing.ts); null: nothing may be sent now. */
    planHealing: {
      input: z.object({ others: z.array(z.string()), after: healPlaceSchema.nullable() }),
      output: z
        .object({
          files: z.array(z.object({ file: damagedFileSchema, from: z.array(z.string()) })),
          resent: z.number(),
          sentAgain: z.array(damagedFileSchema),
          lost: z.array(damagedFileSchema),
          skipped: z.number(),
          next: healPlaceSchema.nullable(),
        })
        .nullable(),
    },
    /** Stores fetched files in the background: `healed` returns the result. */
    heal: {
      input: z.object({
        directory: z.string(),
        files: z.array(z.object({ file: damagedFileSchema, content: z.string(), facts: z.string() })),
      }),
      output: z.object({}),
    },
    /** `result` is null while the files are being stored; `bytes` were handed over so far. */
    healed: {
      input: z.object({}),
      output: z.object({
        bytes: z.number(),
        result: z
          .object({
            healed: z.array(z.number()),
            failed: z.array(z.tuple([z.number(), messageSchema.nullable()])),
          })
          .nullable(),
      }),
    },
    /** Starts a round of samples with these limits; the report has its result. Returns false if nothing can be read now. */
    prove: { input: proofLimitsSchema, output: z.object({ started: z.boolean() }) },
    /** Returns once an ejected folder is closed: its store, its lock and all files there. */
    release: { input: z.object({}), output: z.object({}) },
    /** Pairs with a receiver by its one-time code; returns the destination for the settings. */
    pair: {
      input: z.object({ code: z.string(), name: z.string() }),
      output: destinationSchemas.receiver,
    },
  },
} satisfies WorkerDefinition
