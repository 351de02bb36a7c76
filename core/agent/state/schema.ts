import { z } from 'zod'
import { incidentSchema } from '../../alerts/incident.ts'
import { channelStateSchema } from '../../alerts/notifier-messages.ts'
import { checkedSchema } from '../../check/checker-messages.ts'
import { fileSchema, totalsSchema } from '../../ledger/ledger-messages.ts'
import { messageSchema } from '../../lib/i18n/message-schema.ts'
import { receivedSenderSchema } from '../../receive/receiver-messages.ts'
import { restoreReportSchema } from '../../restore/report-schema.ts'
import { batchPhases, scannedSchema } from '../../scan/scanner-messages.ts'
import {
  allowanceNowSchema,
  connectionSchema,
  restlessSchema,
  transferSchema,
} from '../../send/sender-messages.ts'
import { settingsSchema, sourceSchema } from '../../settings/schema.ts'

export { batchPhases }

/** partial: nothing waits, but the promise is not whole: copies on this computer alone, or a batch with files that never go. */
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

export const statusSchema = z.object({
  level: z.enum(statusLevels),
  sentence: messageSchema,
  /** A second, quieter sentence: the last file, or the step that mends it. */
  detail: messageSchema.nullable(),
})
export type Status = z.infer<typeof statusSchema>

/** How far sending is. */
const progressSchema = z.object({
  totals: totalsSchema,
  /** Bytes a second. */
  rate: z.number(),
  /** About how many milliseconds what waits will take; null: nothing can be said. */
  left: z.number().nullable(),
})
export type SendProgress = z.infer<typeof progressSchema>

/** What one destination of a source has of it. */
export const sourceDestinationSchema = progressSchema.extend({
  /** The destination's id. */
  id: z.string(),
  /** Its sender has told what the ledger has; until then the figures are those of nothing. */
  reported: z.boolean().optional(),
  /** Files that wait because they keep changing, at most 20 over all sources; left out: none. */
  restless: z.array(restlessSchema).optional(),
})
export type SourceDestination = z.infer<typeof sourceDestinationSchema>

const checksSchema = z.object({
  /** null until the first check. */
  checked: checkedSchema.nullable(),
  /** The read delays of the last checks in milliseconds, oldest first, at most 30; null: it failed. */
  delays: z.array(z.number().nullable()),
})

/** Its progress is that of the destination that is furthest behind: sent is what every one has. */
export const sourceStateSchema = z.object({
  settings: sourceSchema,
  ...checksSchema.shape,
  ...progressSchema.shape,
  scanned: scannedSchema.nullable(),
  /** Of a batch source: its newest directory, and since when it is known to be that; null: none is open. */
  newest: z.object({ name: z.string(), since: z.number() }).nullable(),
  /** In the settings' order; never none. */
  destinations: z.array(sourceDestinationSchema),
  lastFile: z.object({ path: z.string(), at: z.number() }).nullable(),
})
export type SourceState = z.infer<typeof sourceStateSchema>

export const checkedPathStateSchema = checksSchema.extend({
  id: z.string(),
  path: z.string(),
  link: z.string().nullable().optional(),
})
export type CheckedPathState = z.infer<typeof checkedPathStateSchema>

export const workerNames = ['checker', 'scanner', 'sender', 'receiver', 'notifier'] as const
export type WorkerName = (typeof workerNames)[number]

export const workerStateSchema = z.object({
  condition: z.enum(['off', 'starting', 'running', 'restarting', 'failed']),
  restarts: z.number(),
  /** Milliseconds since 1970 of the last change of condition. */
  since: z.number(),
  pid: z.number().nullable(),
})
export type WorkerState = z.infer<typeof workerStateSchema>

export const destinationStateSchema = z.object({
  /** The id that the ledger has it by; "embedded" for the folder on this computer. */
  id: z.string(),
  /** embedded: a folder in this computer's data directory, used while no destination is set. */
  kind: z.enum(['embedded', 'receiver', 'folder', 'sftp', 's3']),
  name: z.string(),
  /** On another computer, as far as its address tells: copies on this one are never called safe. */
  elsewhere: z.boolean(),
  /** "host:port" of a receiver; of a folder its directory. */
  address: z.string(),
  connection: connectionSchema,
  /** Names of the secrets that are kept for it. */
  secrets: z.array(z.string()),
  /** Over all sources that go there. */
  ...progressSchema.shape,
  /** Its sender; off while no source goes there. */
  worker: workerStateSchema,
})
export type DestinationState = z.infer<typeof destinationStateSchema>

/** A file on the wire, and the id of the destination that it is on its way to. */
export const stateTransferSchema = transferSchema.extend({ destination: z.string() })

/** The restore that runs, or the last one; a new start forgets it. */
export const restoreStateSchema = restoreReportSchema.extend({
  /** The id of the destination that it is from. */
  destination: z.string(),
  /** Absolute path of the directory that the files come to. */
  to: z.string(),
  /** Milliseconds since 1970. */
  startedAt: z.number(),
})
export type RestoreState = z.infer<typeof restoreStateSchema>

/** The receiver that the settings ask for. */
export const receivingSchema = z.object({
  directory: z.string(),
  port: z.number(),
  /** It listens. */
  isRunning: z.boolean(),
  /** Why it cannot run; it tries again by itself. */
  problem: messageSchema.nullable(),
  /** Milliseconds since 1970: for so long it has run, or has not. */
  since: z.number(),
  senders: z.array(receivedSenderSchema),
})
export type ReceivingState = z.infer<typeof receivingSchema>

/** Something that the person should know once, such as a settings file that was set aside. */
export const noticeSchema = z.object({ id: z.string(), sentence: messageSchema })

/** unasked: nobody wants to know, or the first answer has not come; unknown: nobody here can say; unsupported: on this system nobody ever can. */
const answerSchema = z.enum(['yes', 'no', 'unasked', 'unknown', 'unsupported'])
export type SurroundingsAnswer = z.infer<typeof answerSchema>
export const surroundingsSchema = z.object({
  /** This computer runs on its battery. */
  battery: answerSchema,
  /** Its network is paid for by what it carries. */
  metered: answerSchema,
})
export type Surroundings = z.infer<typeof surroundingsSchema>

export const appStateSchema = z.object({
  version: z.string(),
  /** once: it sends once and ends (scan --once); its settings are its own, and no others may be given to it. */
  host: z.enum(['desktop', 'terminal', 'once']),
  status: statusSchema,
  sources: z.array(sourceStateSchema),
  checkedPaths: z.array(checkedPathStateSchema),
  /** Over all sources, each by its destination that is furthest behind; `left` by the one that takes longest. */
  ...progressSchema.shape,
  /** What sending may use of the line now, by the limit and its schedule. */
  allowance: allowanceNowSchema,
  /** Why sending may have to wait, as far as a setting asks for it. */
  surroundings: surroundingsSchema,
  /** Files on the wire, at most 20 for each destination. */
  transfers: z.array(stateTransferSchema),
  /** The folder on this computer alone, or those that were paired with, in the settings' order; never none. */
  destinations: z.array(destinationStateSchema),
  /** The directory of copies that were made here before there was a destination; null: there are none. */
  localCopies: z.string().nullable(),
  /** null: no other computer may send here. */
  receiving: receivingSchema.nullable(),
  /** Files that were given up, at most 20 of each destination. */
  parked: z.array(fileSchema),
  /** Those that last first, then those that are over, newest first; at most 100. */
  incidents: z.array(incidentSchema),
  notices: z.array(noticeSchema),
  /** null: none was started. */
  restore: restoreStateSchema.nullable(),
  /** Milliseconds since 1970: when this computer last woke, its clock was put ahead, or Holdfast began. */
  awakeSince: z.number(),
  /** The native one first, then those of the settings, in their order. */
  channels: z.array(channelStateSchema),
  /** Where channels' secrets are kept: by the desktop's keyring, by it without a password of its own, or in a file that this user alone may read. */
  secretStorage: z.enum(['keyring', 'weak', 'file']),
  /** sender: of those of all destinations the one that is worst off. */
  workers: z.record(z.enum(workerNames), workerStateSchema),
  settings: settingsSchema,
})
export type AppState = z.infer<typeof appStateSchema>

/**
 * A patch replaces whole top-level parts; of long lists that are as long as before only the items that are others, by
 * their places. `base` must be the view's revision, else it asks for a snapshot.
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
