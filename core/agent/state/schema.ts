import { z } from 'zod'
import { channelStateSchema, incidentSchema } from '../../alerts/incident.ts'
import { incidentKinds } from '../../alerts/kinds.ts'
import { connectionSchema } from '../../backends/backend-messages.ts'
import { destinationKinds } from '../../backends/kinds.ts'
import { checkedSchema, diskFactsSchema } from '../../check/checker-messages.ts'
import { sinkStateSchema } from '../../events/sink-state.ts'
import { fileSchema, totalsSchema } from '../../ledger/ledger-messages.ts'
import { messageSchema } from '../../lib/i18n/message-schema.ts'
import { receivedSenderSchema, storeHealthSchema } from '../../receive/receiver-messages.ts'
import { senderConditions } from '../../receive/senders/fleet.ts'
import { comparisonSchema, restoreReportSchema } from '../../restore/restore-messages.ts'
import { scannedSchema } from '../../scan/scanner-messages.ts'
import { allowanceNowSchema } from '../../send/rate-limit/schedule.ts'
import {
  damagedSchema,
  proofFiguresSchema,
  proofRoundSchema,
  restlessSchema,
  transferSchema,
  unfitSchema,
} from '../../send/sender-messages.ts'
import { proposedDifferenceSchema } from '../../settings/proposal.ts'
import { shownSettingsSchema, sourceSchema } from '../../settings/schema.ts'

/**
 * partial: nothing waits, but not all files are safe: copies exist only on this computer, or a batch has files that
 * will never be sent.
 */
export const statusLevels = [
  'failing',
  'attention',
  'paused',
  'working',
  'partial',
  'ok',
  'starting',
] as const
export type StatusLevel = (typeof statusLevels)[number]

const statusSchema = z.object({
  level: z.enum(statusLevels),
  /** Short: the window has one line for it. */
  sentence: messageSchema,
  /** A second, less prominent sentence: since when and why, the last file, or a remedy. */
  detail: messageSchema.nullable(),
  /**
   * Further sentences after the detail: other failures, that other destinations still work, or the usual detail while
   * `detail` is about deleted files.
   */
  more: z.array(messageSchema).optional(),
  /** The failure that the sentence is about; omitted: none. */
  failure: z
    .object({
      kind: z.enum(incidentKinds),
      /** Id of the source, checked path or destination concerned; null: none, or several. */
      source: z.string().nullable(),
      /** The cause of a disk's failure, as the system reported it; missing or empty: it is unknown. */
      cause: z.array(messageSchema).optional(),
    })
    .optional(),
})
export type Status = z.infer<typeof statusSchema>

/** The gravest failure of a folder, checked path, destination or station. */
const thingFailureSchema = z.object({
  level: z.enum(['failing', 'attention']),
  kind: z.enum(incidentKinds),
  /** As in the overall status. */
  sentence: messageSchema,
  detail: messageSchema.nullable(),
  /** A folder's destination that fails; omitted: the folder itself fails. */
  destination: z.string().optional(),
})
export type ThingFailure = z.infer<typeof thingFailureSchema>

/** Progress of sending. */
const progressSchema = z.object({
  totals: totalsSchema,
  /** Bytes per second. */
  rate: z.number(),
  /** Estimated milliseconds until all waiting files are sent; null: unknown. */
  left: z.number().nullable(),
})
export type SendProgress = z.infer<typeof progressSchema>

/** Progress of a source at one destination. */
const sourceDestinationSchema = progressSchema.extend({
  /** The destination's id. */
  id: z.string(),
  /** The sender has reported the ledger's counts; until then the figures are zero. */
  reported: z.boolean().optional(),
  /** When its first waiting file is due; omitted: one is due now, or none waits. */
  nextDue: z.number().optional(),
  /** Files that wait because they keep changing, at most 20 over all sources; omitted: none. */
  restless: z.array(restlessSchema).optional(),
})
export type SourceDestination = z.infer<typeof sourceDestinationSchema>

const checksSchema = z.object({
  /** null until the first check. */
  checked: checkedSchema.nullable(),
  /** The read delays of the last checks in milliseconds, oldest first, at most 30; null: the check failed. */
  delays: z.array(z.number().nullable()),
})

/** Its progress is that of the slowest destination: a file counts as sent when every destination has it. */
const sourceStateSchema = z.object({
  settings: sourceSchema,
  ...checksSchema.shape,
  ...progressSchema.shape,
  scanned: scannedSchema.nullable(),
  /** The newest directory of a batch source, and since when it is the newest; null: none is open. */
  newest: z.object({ name: z.string(), since: z.number() }).nullable(),
  /** In the settings' order; never empty. */
  destinations: z.array(sourceDestinationSchema),
  /** The newest file, sent or not, and when it was last written here or got its name here. */
  lastFile: z.object({ path: z.string(), at: z.number() }).nullable(),
})
export type SourceState = z.infer<typeof sourceStateSchema>

const checkedPathStateSchema = checksSchema.extend({
  id: z.string(),
  path: z.string(),
  link: z.string().nullable().optional(),
})
export type CheckedPathState = z.infer<typeof checkedPathStateSchema>

export const workerNames = ['checker', 'scanner', 'sender', 'receiver'] as const
export type WorkerName = (typeof workerNames)[number]
/** Processes that can be started: the permanent workers, and the restorer, which runs only while it is needed. */
export type StartedName = WorkerName | 'restorer'

const workerStateSchema = z.object({
  condition: z.enum(['off', 'starting', 'running', 'restarting', 'failed']),
  restarts: z.number(),
  /** Milliseconds since 1970 of the last change of condition. */
  since: z.number(),
  pid: z.number().nullable(),
})
export type WorkerState = z.infer<typeof workerStateSchema>

/** Most failures that the state of a healing names. */
export const MOST_HEAL_FAILURES = 20

const healingSchema = z.object({
  isRunning: z.boolean(),
  /** Its end, or its start while it runs: milliseconds since 1970. */
  at: z.number(),
  /** Files that got their content again from another destination. */
  healed: z.number(),
  /** Files that their sources send again. */
  resent: z.number(),
  /** Files that could not be healed, and why the first ones could not. */
  failed: z.number(),
  failures: z.array(messageSchema),
})
export type HealingState = z.infer<typeof healingSchema>

const destinationStateSchema = z.object({
  /** The id in the ledger; "embedded" for the folder on this computer. */
  id: z.string(),
  /** embedded: a folder in this computer's data directory, used while no destination is set. */
  kind: z.enum(['embedded', ...destinationKinds]),
  name: z.string(),
  /** On another computer, as far as the address shows. Copies on this computer are never called safe. */
  elsewhere: z.boolean(),
  /** "host:port" of a receiver; the directory of a folder. */
  address: z.string(),
  connection: connectionSchema,
  /** Milliseconds since 1970 at which its disk was ejected; omitted: it is in use. */
  ejectedAt: z.number().optional(),
  /** Days for which each file is locked there after its upload; omitted: not at all. */
  lockDays: z.number().optional(),
  /** Names of the secrets stored for it. */
  secrets: z.array(z.string()),
  /** Over all sources with this destination. */
  ...progressSchema.shape,
  /** State of its sender; off while no source has this destination. */
  worker: workerStateSchema,
  /** Files that it has damaged or lost, and that were neither sent again nor healed yet; omitted: none. */
  damaged: damagedSchema.optional(),
  /** Random samples that it has proven in the last thirty days; omitted: none. */
  samples: proofFiguresSchema.optional(),
  /** The running or last round of samples that a person asked for; omitted: none since Holdfast started. */
  proofRound: proofRoundSchema.optional(),
  /** Files that it has no room for, while it takes others, by source; omitted: none. */
  unfit: z.array(unfitSchema).optional(),
  /** The running or last healing; omitted: none since Holdfast started. */
  healing: healingSchema.optional(),
})
export type DestinationState = z.infer<typeof destinationStateSchema>

/** A file in transfer, and the id of its destination. */
const stateTransferSchema = transferSchema.extend({ destination: z.string() })

/** The running or last restore. A new start replaces it. */
const restoreStateSchema = restoreReportSchema.extend({
  /** Id of the destination that it reads from. */
  destination: z.string(),
  /** Absolute path at which the chosen files or directory appear; null: several sources, where they were. */
  to: z.string().nullable(),
  /** Milliseconds since 1970. */
  startedAt: z.number(),
})

/** The receiver as configured. */
const receivingSchema = z.object({
  directory: z.string(),
  port: z.number(),
  /** True while it listens. */
  isRunning: z.boolean(),
  /** Why it cannot run; it retries automatically. */
  problem: messageSchema.nullable(),
  store: storeHealthSchema,
  /** Milliseconds since 1970 of the last change of `isRunning`. */
  since: z.number(),
  senders: z.array(receivedSenderSchema),
})
export type ReceivingState = z.infer<typeof receivingSchema>

/** The web page as configured. */
const webStateSchema = z.object({
  /** Its address; null while it cannot be served. */
  address: z.string().nullable(),
  /** SHA-256 of its certificate; null: it is served without TLS. */
  certificate: z.string().nullable(),
  /** Why it cannot be served; retried automatically. */
  problem: messageSchema.nullable(),
})

/** A watched computer: its connection and its last overview. */
const computerStateSchema = z.object({
  id: z.string(),
  name: z.string(),
  address: z.string(),
  /** since: of the last change between connected and not connected. */
  connection: connectionSchema.pick({ state: true, since: true, problem: true }),
  /** Its last status; null: it has sent none since Holdfast started. */
  status: z
    .object({
      level: z.enum(statusLevels),
      sentence: messageSchema,
      version: z.string(),
      /** Its critical failures, by the ids of what fails there; empty if an earlier version omits them. */
      failures: z.array(
        z.object({
          id: z.string(),
          sentence: messageSchema,
          /** Missing in the state of an earlier version. */
          causes: z.array(messageSchema).optional(),
        }),
      ),
      /** Numbers of the computers that send there, by condition; null: it does not receive. */
      senders: z.partialRecord(z.enum(senderConditions), z.number()).nullable(),
    })
    .nullable(),
})
export type ComputerState = z.infer<typeof computerStateSchema>

/** The last proposal of settings by a receiver. Times in milliseconds since 1970. */
export const proposalStateSchema = z.object({
  /** Id of the destination that proposed it. */
  destination: z.string(),
  id: z.string(),
  /** The person at the receiver who made it. */
  by: z.string(),
  /** When it arrived here. */
  at: z.number(),
  /** The settings that it would change now; empty after the decision. */
  differences: z.array(proposedDifferenceSchema),
  /** Names of its sources that are not here, or not sent to the destination. */
  missing: z.array(z.string()),
  /** Names of other destinations whose files it concerns, too. */
  alsoFor: z.array(z.string()),
  /** null: it waits. sentence: the reason or a remark. */
  decision: z
    .object({ accepted: z.boolean(), sentence: messageSchema.nullable(), at: z.number() })
    .nullable(),
})
export type ProposalState = z.infer<typeof proposalStateSchema>

/** A message that a person reads once, for example that a settings file was set aside. */
export const noticeSchema = z.object({ id: z.string(), sentence: messageSchema })

/**
 * unasked: no setting needs it, or the first reply is pending; unknown: no reply on this computer; unsupported: this
 * system never provides it.
 */
const answerSchema = z.enum(['yes', 'no', 'unasked', 'unknown', 'unsupported'])
export type SurroundingsAnswer = z.infer<typeof answerSchema>
const surroundingsSchema = z.object({
  /** This computer runs on battery. */
  battery: answerSchema,
  /** Its network is metered. */
  metered: answerSchema,
})
export type Surroundings = z.infer<typeof surroundingsSchema>

export const appStateSchema = z.object({
  version: z.string(),
  /** once: a one-shot run (send --once). It uses its own settings and accepts no others. command: answers one command. */
  host: z.enum(['desktop', 'terminal', 'once', 'command']),
  status: statusSchema,
  /**
   * The gravest failure of each folder, checked path and destination, by its id; of a station by "station:FOLDER", and of
   * the receiver by "receiver:". A station that needs attention is not among them.
   */
  failures: z.record(z.string(), thingFailureSchema),
  sources: z.array(sourceStateSchema),
  checkedPaths: z.array(checkedPathStateSchema),
  /**
   * The disks, arrays and pools below the sources, checked paths and folder destinations. at: milliseconds since 1970 of
   * the last reading; null: none since Holdfast started, or it is off.
   */
  disks: z.object({ at: z.number().nullable(), all: z.array(diskFactsSchema) }),
  /** Over all sources, each by its slowest destination; `left` by the destination that takes longest. */
  ...progressSchema.shape,
  /** The bandwidth that sending may use now, by the limit and its schedule. */
  allowance: allowanceNowSchema,
  /** Reasons for which sending may have to wait, as far as settings use them. */
  surroundings: surroundingsSchema,
  /** Files in transfer, at most 20 for each destination. */
  transfers: z.array(stateTransferSchema),
  /** The configured destinations in the settings' order, or only the folder on this computer; never empty. */
  destinations: z.array(destinationStateSchema),
  /** The directory of copies made here before there was a destination; null: there are none. */
  localCopies: z.string().nullable(),
  /** null: no other computer may send here. */
  receiving: receivingSchema.nullable(),
  /** The address of the proxy in force, without a login; null: none. */
  proxy: z.object({ address: z.string().nullable(), hasPassword: z.boolean() }),
  /** null: no web page. */
  web: webStateSchema.nullable(),
  /** In the settings' order. */
  computers: z.array(computerStateSchema),
  /** Given-up files, at most 20 for each destination. */
  parked: z.array(fileSchema),
  /** Ongoing ones first, then ended ones, newest first; at most 100. */
  incidents: z.array(incidentSchema),
  notices: z.array(noticeSchema),
  /** At most one for each destination. */
  proposals: z.array(proposalStateSchema),
  /** null: none was started. */
  restore: restoreStateSchema.nullable(),
  /** The running or last comparison with a manifest; null: none since Holdfast started. */
  comparison: comparisonSchema.nullable(),
  /** Milliseconds since 1970 at which this computer last woke, its clock was set ahead, or Holdfast started. */
  awakeSince: z.number(),
  /** The native channel first, then the configured ones in their order. */
  channels: z.array(channelStateSchema),
  /** Sinks of events, in the settings' order. */
  eventSinks: z.array(sinkStateSchema),
  /**
   * Where secrets are stored: in the desktop's keyring, in it without a password, or in a file that only this user
   * can read.
   */
  secretStorage: z.enum(['keyring', 'weak', 'file']),
  /** sender: the worst state of all senders. */
  workers: z.record(z.enum(workerNames), workerStateSchema),
  settings: shownSettingsSchema,
})
export type AppState = z.infer<typeof appStateSchema>

/**
 * Replaces whole top-level parts. For long lists of unchanged length it contains only the changed items, by index. If
 * `base` is not the view's revision, the view requests a snapshot.
 */
export const statePatchSchema = z.object({
  base: z.number(),
  revision: z.number(),
  changes: appStateSchema.partial(),
  items: z
    .object({
      sources: z.record(z.string(), sourceStateSchema),
      checkedPaths: z.record(z.string(), checkedPathStateSchema),
    })
    .partial()
    .optional(),
})
export type StatePatch = z.infer<typeof statePatchSchema>

export const stateSnapshotSchema = z.object({ revision: z.number(), state: appStateSchema })
export type StateSnapshot = z.infer<typeof stateSnapshotSchema>
