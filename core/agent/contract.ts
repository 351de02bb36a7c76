import { z } from 'zod'
import { channelTypes } from '../alerts/channels/catalog.ts'
import {
  changesQuestionSchema,
  testedSchema,
  timelinePageSchema,
  timelineQuestionSchema,
} from '../alerts/incident.ts'
import { alertsSettingsSchema, channelSchema, LONGEST_TEMPLATE } from '../alerts/settings.ts'
import {
  checkerDefinition,
  dayVerdictsSchema,
  historyAnswerSchema,
  historyQuestionSchema,
} from '../check/checker-messages.ts'
import { evidenceSchema } from '../check/evidence/evidence-messages.ts'
import { cloudEventSchema } from '../events/cloud-event.ts'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { manifestForms } from '../platform/fixity-kinds.ts'
import { receiverDefinition } from '../receive/receiver-messages.ts'
import { reportSchema } from '../report/report-schema.ts'
import { choiceSchema, conflictSchema, questions } from '../restore/restore-messages.ts'
import { expectedQuery, markedAnswers, previewSchema, scannerDefinition } from '../scan/scanner-messages.ts'
import { senderDefinition } from '../send/sender-messages.ts'
import { LONGEST_PAUSE_MINUTES } from '../settings/bounds.ts'
import { differenceSchema } from '../settings/changes.ts'
import {
  absolutePathSchema,
  certificateSchema,
  changedDestinationSchema,
  givenDestinationSchema,
  givenSecretsSchema,
  receiverDestinationSchema,
  samplesSchema,
  sftpDestinationSchema,
} from '../settings/destination-schema.ts'
import { eventSinkSchema, eventsSettingsSchema, eventTypes } from '../settings/event-sinks.ts'
import { proxySettingsSchema } from '../settings/proxy.ts'
import {
  batchSettingsSchema,
  MOST_DESTINATIONS,
  receiveSettingsSchema,
  settingsSchema,
  sourceFiltersSchema,
  sourceSchema,
  webProxySchema,
  webRoles,
} from '../settings/schema.ts'
import { defineAction, nothing } from './answering.ts'
import { logLineSchema } from './log-lines.ts'
import { proposalStateSchema, statePatchSchema, stateSnapshotSchema } from './state/schema.ts'

// The interface between the agent and its views: every command with the schemas of its input and output, and every
// event. Views import only types from here. First the schemas of patches, in which only the given fields change.

type WithoutDefaults<S extends z.ZodRawShape> = {
  [Name in keyof S]: S[Name] extends z.ZodDefault<infer Field extends z.ZodType> ? Field : S[Name]
}

/**
 * Removes the defaults of a shape. Otherwise an omitted field would be reset to its default; a patch must change only
 * the fields that it contains.
 */
function withoutDefaults<S extends z.ZodRawShape>(shape: S): z.ZodObject<WithoutDefaults<S>> {
  const fields = Object.entries(shape).map(([name, field]) => [
    name,
    field instanceof z.ZodDefault ? field.unwrap() : field,
  ])
  return z.object(Object.fromEntries(fields) as WithoutDefaults<S>)
}

/** A manifest that is wanted: see core/fixity. */
const manifestFields = z.object({
  /** The source. */
  id: z.string(),
  form: z.enum(manifestForms),
  /** The files are durable at this destination; null or omitted: at all of the source's own. */
  destination: z.string().nullable().optional(),
  /** Address of the licence of the files, for ro-crate; null or omitted: not stated. */
  license: z.url().max(1000).nullable().optional(),
})
const madeSchema = z.object({
  files: z.number(),
  bytes: z.number(),
  /** Durable files that are not listed: without a recorded digest, or damaged. */
  leftOut: z.number(),
  /** The left out files whose copy at a destination was found damaged or missing, and has not been repaired. */
  damaged: z.number(),
  /** Files that are not durable yet, which are not listed. */
  notDurable: z.number(),
})

const settings = settingsSchema.shape
const { labels } = alertsSettingsSchema.shape

/** The settings that a view may change, named as in the settings file. Groups are patched field by field. */
export const changeableSettingsSchema = withoutDefaults(settings)
  .pick({ notifications: true, language: true, theme: true })
  .extend({
    check: withoutDefaults(settings.check.unwrap().shape).partial(),
    scan: withoutDefaults(settings.scan.unwrap().shape).partial(),
    send: withoutDefaults(settings.send.unwrap().shape).partial(),
    keep: withoutDefaults(settings.keep.unwrap().shape).partial(),
    events: withoutDefaults(eventsSettingsSchema.shape).omit({ sinks: true }).partial(),
    report: withoutDefaults(settings.report.unwrap().shape).partial(),
    web: withoutDefaults(settings.web.unwrap().shape)
      .extend({ proxy: withoutDefaults(webProxySchema.shape).partial() })
      .partial(),
    alerts: withoutDefaults(alertsSettingsSchema.shape)
      .pick({ unreachableMinutes: true, quietHours: true })
      .extend({ labels: withoutDefaults(labels.unwrap().shape).partial() })
      .partial(),
  })
  .partial()

const sourceFields = withoutDefaults(sourceSchema.shape)
/** An empty mark is accepted here, because it is refused later with a sentence. */
const mark = z.string().max(255)
const batch = withoutDefaults(batchSettingsSchema.shape).extend({ closedMark: mark, sentMark: mark })

/** A source's filters, without defaults. */
const givenFiltersSchema = withoutDefaults(sourceFiltersSchema.shape)

/** The fields of a source that a preview evaluates. */
const previewedFiltersSchema = givenFiltersSchema.extend(sourceFields.pick({ oneFileSystem: true }).shape)

/** The fields of a source that a view may change. A source's folder at a destination keeps its first name. */
const changeableSourceSchema = previewedFiltersSchema
  .extend(sourceFields.pick({ name: true, paused: true, destinations: true }).shape)
  .extend(
    sourceFields.pick({ priority: true, deleteAfter: true, silentHours: true, expected: true, digests: true })
      .shape,
  )
  .extend({ batch: batch.partial() })
  .partial()

const receive = withoutDefaults(receiveSettingsSchema.shape)
const givenReceiveSchema = receive.partial().required({ directory: true })
export type GivenReceive = z.infer<typeof givenReceiveSchema>

const destination = z.string().min(1).max(128)
/** The folder of another computer at the destination; omitted or null: this computer's. */
const computer = z.string().min(1).max(1000).nullable().optional()
const locationFields = { destination, computer }

/** Limit of the files that a search returns. */
export const MOST_FOUND = 200

const restoreStartSchema = choiceSchema.extend({
  ...locationFields,
  /**
   * Absolute path of a directory, which is created: a chosen file or directory lands in it under its own name. null:
   * the files are put back where they were, into their sources.
   */
  to: z.string().min(1).max(4096).nullable(),
  /** Default: existing files with other content are left. */
  conflict: conflictSchema.optional(),
  /** Only files that are missing at the target. */
  missingOnly: z.boolean().optional(),
  /** "AGE-SECRET-KEY-1…", if the destination's files are encrypted. It is only kept in memory. */
  identity: z.string().max(200).optional(),
})
export type RestoreStart = z.infer<typeof restoreStartSchema>

const idInput = z.object({ id: z.string() })
/** The ids of a destination and of the proposal that was seen: a newer one must not be accepted unseen. */
const proposalInput = z.object({ destination, proposal: z.string() })

const ejectResultSchema = z.object({
  /** The disk may be unplugged now. */
  removable: z.boolean(),
  sentence: messageSchema,
  /** The command that unmounts the disk; null: none is needed, or it would not help. */
  command: z.string().nullable(),
})
export type EjectResult = z.infer<typeof ejectResultSchema>

/** Limit of a settings text in characters; settings with ten thousand paths take a tenth of it. */
export const LONGEST_SETTINGS = 32 * 1024 * 1024

/** The differences that importing settings would make. */
const readSettingsSchema = z.object({
  file: z.string(),
  settings: settingsSchema,
  differences: z.array(differenceSchema),
  /** Names of channels and destinations that need their secrets entered, or their pairing done, again. */
  missing: z.array(z.string()),
})

/**
 * The person who sent a command: a user of this computer, or the holder of a token of the web page. receiver: the
 * destination whose proposed settings were accepted without a question.
 */
const actorSchema = z.object({ via: z.enum(['window', 'terminal', 'page', 'receiver']), name: z.string() })
export type Actor = z.infer<typeof actorSchema>

export const recordedChangeSchema = z.object({
  id: z.string(),
  /** Milliseconds since 1970. */
  at: z.number(),
  by: actorSchema,
  sentence: messageSchema,
  /** The settings that were changed, as far as the sentence does not name them. */
  differences: z.array(differenceSchema),
  /** Number of further changed settings. */
  more: z.number(),
})
export type RecordedChange = z.infer<typeof recordedChangeSchema>

const changesPageSchema = z.object({
  /** Newest first. */
  entries: z.array(recordedChangeSchema),
  /** Start of the next page; null: this is the last page. */
  next: z.number().nullable(),
})
export type ChangesPage = z.infer<typeof changesPageSchema>

/**
 * Every command that a view may send to the agent: the window over Electron's IPC, the command line over
 * the control socket. Both directions are validated with these schemas.
 */
export const commands = {
  snapshot: { input: nothing, output: stateSnapshotSchema },
  /** Adds a source. kind: batch sources check child directories for marks (isocket). */
  addSource: defineAction(
    z.object({
      path: z.string(),
      kind: z.enum(['continuous', 'batch']).optional(),
      prefix: z.string().max(255).optional(),
      /** The filters and options to set; the others keep their defaults. */
      ...givenFiltersSchema.partial().shape,
      ...sourceFields.pick({ priority: true, deleteAfter: true, silentHours: true, digests: true }).partial()
        .shape,
      /** Excludes the contents of other file systems that are mounted inside. */
      oneFileSystem: z.boolean().optional(),
      /** Names or ids of the destinations for its files; default: all. */
      to: z.array(z.string()).min(1).max(MOST_DESTINATIONS).optional(),
    }),
  ),
  /** Stops watching. Files at both ends stay. */
  removeSource: defineAction(idInput),
  /** Points the source at its new directory. The files there are compared, and only differences are sent. */
  moveSource: defineAction(z.object({ id: z.string(), path: z.string() })),
  /**
   * Follows a link that was given for a source or a checked path and now points to another place. The new place replaces
   * the path. `stay`: the path stays instead, and the link is forgotten.
   */
  followLink: defineAction(z.object({ id: z.string(), stay: z.boolean() })),
  /**
   * Changes a source's filters, destinations, name and pause, and whether its files are deleted here after sending.
   * Queued files that the filters now exclude are not sent.
   */
  changeSource: defineAction(z.object({ id: z.string(), changes: changeableSourceSchema })),
  /** Lists what these filters would exclude from a source, within ten seconds. A newer preview cancels this one. */
  previewFilters: {
    input: z.object({ id: z.string(), filters: previewedFiltersSchema }),
    output: previewSchema,
  },
  addCheckedPath: defineAction(z.object({ path: z.string() })),
  removeCheckedPath: defineAction(idInput),
  /** Accepts the present findings about a disk, by its id or name: only higher counters are reported from then on. */
  acceptDisk: defineAction(idInput),
  /** Pauses all sending for some minutes, or until resumed (null). */
  pause: defineAction(
    z.object({
      minutes: z.number().positive().max(LONGEST_PAUSE_MINUTES).nullable(),
    }),
  ),
  resume: defineAction(nothing),
  checkNow: defineAction(nothing),
  /** Retries files whose sending was given up. */
  retryParked: defineAction(
    /** id: of a source; null: of all. file: only this row of the ledger. */
    z.object({ id: z.string().nullable(), file: z.number().int().optional() }),
  ),
  /** Sends a source that is held, because many of its files have lost their content, in its current state. */
  sendAsItIs: defineAction(idInput),
  /** Ends the incident that many files of a source were deleted: it was intended. The counts stay. */
  acceptDeleted: defineAction(idInput),
  /**
   * Decides about the files of a batch source that carry isocket's mark but were not sent by Holdfast. confirm: they
   * are at the destinations and count as sent; send: they are sent.
   */
  answerMarked: defineAction(idInput.extend({ answer: z.enum(markedAnswers) })),
  /** Restores the sent versions of those files. The source resumes automatically once they are restored. */
  bringBack: defineAction(idInput),
  /** Pairs with a receiver by its one-time code. The receiver becomes an additional destination, or the first one. */
  pair: defineAction(
    /** name: this computer's name at the receiver; default: its host name. */
    z.object({ code: z.string().max(2000), name: z.string().min(1).max(200).optional() }),
  ),
  /**
   * Adds a folder, an SFTP server or a bucket after a test. If the test fails, nothing is added and the sentence
   * gives the reason.
   */
  addDestination: defineAction(
    z.object({ destination: givenDestinationSchema, secrets: givenSecretsSchema }),
  ),
  /** Replaces the destination with that id after a test. Secrets that are omitted stay. */
  changeDestination: defineAction(
    z.object({ id: z.string(), destination: changedDestinationSchema, secrets: givenSecretsSchema }),
  ),
  /** Opens a destination, writes a small file, reads it back and removes it, within 15 s. */
  testDestination: {
    /** `id`: the destination whose stored secrets replace omitted ones. */
    input: senderDefinition.requests.test.input.omit({ stage: true }).extend({ id: z.string().optional() }),
    output: senderDefinition.requests.test.output,
  },
  /**
   * Reads the host keys of an SFTP server from the known_hosts file of the agent's user. Returns the fingerprints,
   * the preferred one first, and a sentence for people.
   */
  readKnownHosts: {
    input: sftpDestinationSchema.pick({ host: true, port: true }),
    output: z.object({ keys: z.array(z.string()), sentence: messageSchema }),
  },
  /** Creates an age key. The identity decrypts what is encrypted for the recipient; it is not stored. */
  newEncryptionKey: {
    input: nothing,
    output: z.object({ recipient: z.string(), identity: z.string() }),
  },
  /**
   * Ejects a folder: closes everything on its disk and unmounts it if this user may. Its files wait, without an alert,
   * until the disk was away and is back.
   */
  ejectDestination: { input: idInput, output: ejectResultSchema },
  /** Uses an ejected folder again. */
  useDestination: defineAction(idInput),
  renameDestination: defineAction(z.object({ id: z.string(), name: receiverDestinationSchema.shape.name })),
  /**
   * Stops sending to the destination; files there stay. Refused while a source has only this destination and others
   * exist. Without any destination, files go to a folder on this computer.
   */
  removeDestination: defineAction(idInput),
  /**
   * Heals a destination: files that it has damaged or lost get their content from another destination, if
   * their source has it no more. The state shows the result.
   */
  heal: defineAction(
    /** identity: "AGE-SECRET-KEY-1…", which opens the contents of encrypted destinations. It is only kept in memory. */
    idInput.extend({ identity: z.string().max(200).optional() }),
  ),
  /**
   * Starts a round of random samples at a destination, with the limits of a day. The state shows the result; damaged
   * files are sent again or healed.
   */
  prove: defineAction(idInput),
  /** Sets how many random files a destination reads again each day. */
  setSamples: defineAction(idInput.extend({ samples: samplesSchema })),
  /**
   * Deletes the copies made on this computer before it had a destination. Refused while a file may exist nowhere
   * else.
   */
  deleteLocalCopies: defineAction(nothing),
  /** Lets other computers send here; null: stops it. Omitted fields and files already received stay. */
  setReceiving: defineAction(z.object({ receive: givenReceiveSchema.nullable() })),
  /** Creates a pairing code for a new sender, or for one that replaces another. By default it works once, for some minutes. */
  inviteSender: receiverDefinition.requests.invite,
  readInvitation: receiverDefinition.requests.readInvitation,
  renameSender: defineAction(receiverDefinition.requests.renameSender.input),
  labelSender: defineAction(receiverDefinition.requests.labelSender.input),
  revokeSender: defineAction(receiverDefinition.requests.revokeSender.input),
  /** Proposes settings to computers that send here. Each decides itself, and the list of senders shows the decision. */
  proposeSettings: defineAction(receiverDefinition.requests.proposeSettings.input.omit({ by: true })),
  withdrawProposals: defineAction(receiverDefinition.requests.withdrawProposals.input),
  /** Returns the last proposal of settings by each destination. */
  proposals: { input: nothing, output: z.object({ proposals: z.array(proposalStateSchema) }) },
  acceptProposal: defineAction(proposalInput),
  declineProposal: defineAction(proposalInput),
  /** Sets whether the settings that a receiver proposes are accepted without a question. */
  setAcceptProposals: defineAction(idInput.extend({ accept: z.boolean() })),
  /** Creates access to the web page. The token is returned this once, and only its digest is stored. */
  addWebToken: {
    input: z.object({ name: z.string().min(1).max(100), role: z.enum(webRoles) }),
    output: z.object({ token: z.string() }),
  },
  /** Ends access to the web page, also that of signed-in browsers. */
  removeWebToken: defineAction(idInput),
  /**
   * Watches another computer by its web page, after a test. One with the same address is replaced. Without the right
   * `certificate`, the refusal (s3.untrusted) has the fingerprint to confirm. name: default: its own.
   */
  addComputer: defineAction(
    z.object({
      address: z.string().min(1).max(300),
      token: z.string().min(1).max(200),
      name: z.string().min(1).max(200).optional(),
      certificate: certificateSchema,
    }),
  ),
  /** Stops watching it, by its id or name, and forgets its token. */
  removeComputer: defineAction(idInput),
  /** Lists the directories in a directory of this computer, without hidden ones; null: in the home of the agent's user. */
  browse: {
    input: z.object({ path: absolutePathSchema.nullable() }),
    output: z.object({
      path: z.string(),
      /** null: there is none above. */
      parent: z.string().nullable(),
      ...checkerDefinition.requests.list.output.shape,
    }),
  },
  /** Returns the settings as text, without secrets, to keep or to import elsewhere. */
  settingsText: { input: nothing, output: z.object({ text: z.string() }) },
  /** Returns what importing such a text would change. `importSettings` imports it. file: its name, for messages. */
  readSettingsText: {
    input: z.object({ file: z.string().max(4096), text: z.string().max(LONGEST_SETTINGS) }),
    output: readSettingsSchema,
  },
  /** Returns a directory in the user's home for restored files. The directory is not created. */
  restoreDirectory: { input: nothing, output: z.object({ path: z.string() }) },
  /** Returns a directory in the user's home for files of other computers. The directory is not created. */
  receiveDirectory: { input: nothing, output: z.object({ path: z.string() }) },
  changeSettings: defineAction(changeableSettingsSchema),
  /** Sets the proxy. An omitted password stays for the same address and user, and is removed otherwise. */
  setProxy: defineAction(z.object({ proxy: proxySettingsSchema, secrets: givenSecretsSchema })),
  /**
   * Replaces all settings with exported ones. The pause stays, and so do the secrets of channels and destinations
   * that stay.
   */
  importSettings: defineAction(z.object({ settings: settingsSchema })),
  /** Stops notifications of an incident until it ends. */
  acknowledge: defineAction(idInput),
  /** Delays further notifications of an incident for some minutes; null: ends the snooze. */
  snooze: defineAction(
    z.object({ id: z.string(), minutes: z.number().positive().max(LONGEST_PAUSE_MINUTES).nullable() }),
  ),
  /**
   * Suppresses notifications of a source or a checked path until then (milliseconds since 1970), or until unmuted
   * (null).
   */
  mute: defineAction(z.object({ id: z.string(), until: z.number().nullable() })),
  unmute: defineAction(idInput),
  /** `channel.id`: must be new. Secrets are stored separately. */
  addChannel: defineAction(z.object({ channel: channelSchema, secrets: givenSecretsSchema })),
  /** Replaces the channel with that id. */
  changeChannel: defineAction(z.object({ channel: channelSchema, secrets: givenSecretsSchema })),
  removeChannel: defineAction(idInput),
  /** Sets the order of all channels, by their ids. */
  orderChannels: defineAction(z.object({ ids: z.array(z.string()) })),
  /** Sends a test message through a channel as a real one is sent. Returns the reply or the error as text. */
  testChannel: { input: idInput, output: testedSchema },
  /** Renders an example notification with a template; null: with the default template of the channel's type. */
  previewTemplate: {
    input: z.object({
      type: z.enum(channelTypes),
      template: z.string().max(LONGEST_TEMPLATE).nullable(),
    }),
    output: z.object({ text: z.string() }),
  },
  /** Returns the newest lines of the log, oldest first, at most 500. */
  log: { input: nothing, output: z.object({ lines: z.array(logLineSchema) }) },
  timeline: { input: timelineQuestionSchema, output: timelinePageSchema },
  /** Returns what the system reported about an incident; null: nothing was recorded. */
  evidence: {
    input: z.object({ id: z.string().max(100) }),
    output: z.object({ evidence: evidenceSchema.nullable() }),
  },
  /** Returns a page of the recorded changes: who changed what. */
  changes: { input: changesQuestionSchema, output: changesPageSchema },
  dismissNotice: defineAction(z.object({ id: z.string() })),
  /** Returns delays and results of a source or a checked path over a period, at a resolution of at most `points`. */
  checkHistory: { input: historyQuestionSchema, output: historyAnswerSchema },
  /**
   * Returns the last 24 hours, oldest first: the gravest verdict of each hour by source or checked path, and, since
   * Holdfast started, the files sent by source, and received by the folder of the sender.
   */
  day: {
    input: nothing,
    output: z.object({
      verdicts: dayVerdictsSchema,
      sent: z.record(z.string(), z.array(z.number())),
      ...receiverDefinition.requests.day.output.shape,
    }),
  },
  /** Returns the expected files of a source that were due within this time, the newest first, and counts all. */
  expected: {
    input: z.object({ id: z.string(), ...expectedQuery }),
    output: scannerDefinition.requests.expected.output,
  },
  /**
   * Returns events behind a place, oldest first, as CloudEvents; see core/events. since: the cursor of an event or a page,
   * "now", or null: from the beginning. Reads at most `limit` events; some of them may not be wanted.
   */
  events: {
    input: z.object({
      since: z.string().max(100).nullable().default(null),
      limit: z.number().int().min(1).max(1_000).default(200),
      types: z.array(z.enum(eventTypes)).min(1).nullable().default(null),
      /** Ids of sources, besides events without a source. */
      sources: z.array(z.string()).max(1_000).nullable().default(null),
    }),
    output: z.object({ events: z.array(cloudEventSchema), cursor: z.string(), more: z.boolean() }),
  },
  /** Adds a sink of events. Commands are refused: only the settings file has them. Secrets are stored separately. */
  addEventSink: defineAction(z.object({ sink: eventSinkSchema, secrets: givenSecretsSchema })),
  /** Switches a sink on or off. It continues at its place. */
  switchEventSink: defineAction(z.object({ id: z.string(), on: z.boolean() })),
  /** Removes a sink, its secrets and its place. */
  removeEventSink: defineAction(idInput),
  /** Sends a test event to a sink, without a retry. */
  testEventSink: { input: idInput, output: testedSchema },
  /**
   * Returns the report of a period, within a minute; and the names of the present and of the last months and weeks, the
   * latest first.
   */
  report: {
    input: z.object({
      /** "2026-10", "2026-W41" or "2026-10-05..2026-10-11"; null: the last whole month. */
      period: z.string().max(30).nullable(),
      /** An IANA name; null or omitted: that of the agent's computer. */
      zone: z.string().max(100).nullable().optional(),
    }),
    output: z.object({ report: reportSchema, months: z.array(z.string()), weeks: z.array(z.string()) }),
  },
  /**
   * Returns a manifest of a source's durable files as text, by the digests that were recorded when they were sent; see
   * core/fixity. One that is longer than 32 MiB is refused.
   */
  manifest: {
    input: manifestFields,
    output: madeSchema.extend({ texts: z.array(z.object({ name: z.string(), text: z.string() })) }),
  },
  /** Returns a page of the ledger, newest first, of one destination or of all. */
  files: {
    input: senderDefinition.requests.files.input
      .omit({ destinations: true })
      .extend({ destination: z.string().optional() }),
    output: senderDefinition.requests.files.output,
  },
  // See `questions`. No age identity is needed: this computer can read the names that it has encrypted.
  restoreComputers: { ...questions.computers, input: questions.computers.input.extend({ destination }) },
  restoreFolders: { ...questions.folders, input: questions.folders.input.extend(locationFields) },
  restoreList: { ...questions.list, input: questions.list.input.extend(locationFields) },
  restoreSearch: { ...questions.search, input: questions.search.input.extend(locationFields) },
  restoreVersions: { ...questions.versions, input: questions.versions.input.extend(locationFields) },
  /** Restores files from a destination. Only one restore runs at a time; its progress is in the state. */
  restoreStart: defineAction(restoreStartSchema),
  /** Restores the files that the last restore left alone because other content was there. */
  restoreKept: defineAction(z.object({ conflict: conflictSchema.exclude(['leave']) })),
  /** Stops the restore. Each file is restored completely or not at all. */
  restoreStop: defineAction(nothing),
} as const satisfies Record<string, { input: z.ZodType; output: z.ZodType }>

/** Commands that only the desktop offers; the window has them in addition to `commands`. */
export const desktopCommands = {
  /** Opens the system's directory dialog and adds each chosen directory as a source. */
  chooseSource: defineAction(nothing),
  /** Does the same for a path that is only checked. */
  chooseCheckedPath: defineAction(nothing),
  /** Opens the system's dialog for a directory, or for a file; null: cancelled. */
  choosePath: {
    input: z.object({ what: z.enum(['directory', 'file']) }),
    output: z.object({ path: z.string().nullable() }),
  },
  /** Opens the system's dialog for a new file and writes an encryption key to it if a file was chosen. */
  saveKey: defineAction(z.object({ identity: z.string().max(200) })),
  /** Opens the system's dialog for a new file and writes the settings to it, without secrets; null: cancelled. */
  exportSettings: { input: nothing, output: z.object({ path: z.string().nullable() }) },
  /**
   * Opens the system's dialog for a settings file and returns what importing it would change. `importSettings`
   * imports it. null: cancelled.
   */
  readSettings: { input: nothing, output: readSettingsSchema.nullable() },
  /** Returns true if Holdfast starts when this user logs in. */
  loginStart: { input: nothing, output: z.object({ on: z.boolean() }) },
  setLoginStart: defineAction(z.object({ on: z.boolean() })),
  /** Returns the clipboard's text if it is a receiver's pairing code; the window gets no other clipboard content. */
  copiedCode: { input: nothing, output: z.object({ code: z.string().nullable() }) },
  /** Opens the system's dialog for a new file and writes the report of a period there; null: cancelled. */
  saveReport: {
    input: z.object({ period: z.string().max(30), format: z.enum(['csv', 'html', 'pdf']) }),
    output: z.object({ path: z.string().nullable() }),
  },
  /**
   * Opens the system's dialog for a new file, or for a directory (bagit, ro-crate), and writes a manifest there; null:
   * cancelled.
   */
  saveManifest: {
    input: manifestFields,
    output: madeSchema.extend({ path: z.string().nullable() }).nullable(),
  },
  /**
   * Opens the system's dialog for a manifest, and compares a source's files at a destination with it, in the background:
   * see `comparison` of the state. Only one runs at a time.
   */
  compareList: defineAction(
    z.object({
      /** The source. */
      id: z.string(),
      destination,
      identity: restoreStartSchema.shape.identity,
    }),
  ),
  stopComparing: defineAction(nothing),
  /** Opens the system's dialog for a new file and writes the diagnostics file there; null: cancelled. */
  saveDiagnostics: { input: nothing, output: z.object({ path: z.string().nullable() }) },
  /** Shows the files of the last restore in the file manager. */
  showRestored: defineAction(nothing),
  /** Opens a stored content in its program, from a read-only temporary file. A program is not run: its folder opens. */
  viewStored: defineAction(
    z.object({
      ...locationFields,
      folder: z.string().min(1).max(1000),
      path: z.string().min(1).max(16_384),
      /** An older version; null: the current one. */
      version: z.string().max(1000).nullable(),
    }),
  ),
  /** Opens a window with the web page of a watched computer, signed in. */
  openComputer: defineAction(idInput),
  /** Shows a source's directory, or the folder of the copies on this computer (null), in the file manager. */
  showDirectory: defineAction(z.object({ source: z.string().nullable() })),
  /**
   * Reports the page that the window shows; null: the window is not visible. Incidents shown on the Alerts page need
   * no notification. hasForm: a form may be half filled, so the page is kept even if the window stays hidden for
   * long.
   */
  showing: defineAction(z.object({ page: z.string().max(40).nullable(), hasForm: z.boolean() })),
  hideWindow: defineAction(nothing),
  quit: defineAction(nothing),
} as const satisfies Record<string, { input: z.ZodType; output: z.ZodType }>

/** Events that the agent sends to its views. */
export const events = {
  patch: statePatchSchema,
  /** A page's connection was interrupted, so patches may be missing: the view requests a snapshot. */
  stale: z.object({}),
  /** Asks the window to show the choice of pause durations. */
  askPause: z.object({}),
  /** Asks the window to show one of its pages. */
  show: z.object({
    page: z.enum(['overview', 'transfers', 'destinations', 'alerts', 'settings']),
    incident: z.string().nullable().optional(),
    /** A pairing code from a link. The window fills its form with it, and the person decides. */
    code: z.string().max(2000).optional(),
  }),
} as const satisfies Record<string, z.ZodType>

export type Commands = typeof commands
export type DesktopCommands = typeof desktopCommands
export type WindowCommands = Commands & DesktopCommands
export type CommandInput<C extends keyof WindowCommands> = z.infer<WindowCommands[C]['input']>
export type CommandOutput<C extends keyof WindowCommands> = z.infer<WindowCommands[C]['output']>
/** The handlers of some commands. */
export type HandlersFor<C extends keyof WindowCommands> = {
  [Name in C]: (input: CommandInput<Name>) => Promise<CommandOutput<Name>>
}

/** Commands that change nothing here or elsewhere; a viewer of the web page may send these. */
const viewerNames = [
  'snapshot',
  'log',
  'timeline',
  'evidence',
  'changes',
  'checkHistory',
  'day',
  'events',
  'expected',
  'report',
  'manifest',
  'files',
  'proposals',
  'restoreComputers',
  'restoreFolders',
  'restoreList',
  'restoreSearch',
  'restoreVersions',
  'restoreDirectory',
  'receiveDirectory',
] as const satisfies readonly (keyof Commands)[]
export const viewerCommands: ReadonlySet<string> = new Set(viewerNames)

/** Commands that are not recorded: they read or test something, or open a dialog or a program of the desktop. */
const unrecordedNames = [
  ...viewerNames,
  'browse',
  'checkNow',
  'newEncryptionKey',
  'previewFilters',
  'previewTemplate',
  'readInvitation',
  'readKnownHosts',
  'readSettingsText',
  'settingsText',
  'testChannel',
  'testDestination',
  'testEventSink',
  // A dialog's choice is added by another command, which is recorded.
  'chooseSource',
  'chooseCheckedPath',
  'choosePath',
  'compareList',
  'copiedCode',
  'exportSettings',
  'hideWindow',
  'loginStart',
  'quit',
  'readSettings',
  'saveDiagnostics',
  'saveKey',
  'saveManifest',
  'saveReport',
  'showDirectory',
  'openComputer',
  'showing',
  'showRestored',
  'stopComparing',
  'viewStored',
] as const satisfies readonly (keyof WindowCommands)[]
const unrecorded: ReadonlySet<string> = new Set(unrecordedNames)

/** A command that changes something. The text `change.NAME` describes it in the record of changes. */
export type RecordedCommand = Exclude<keyof WindowCommands, (typeof unrecordedNames)[number]>
export const isRecorded = (command: string): command is RecordedCommand => !unrecorded.has(command)

export type CommandHandlers = HandlersFor<keyof Commands>
export type Events = { [E in keyof typeof events]: z.infer<(typeof events)[E]> }

/** The renderer's only connection to the agent: `window.holdfast` of the preload script, or the web page's own. */
export interface Bridge {
  /** page: in a browser, which may be on another computer. */
  readonly kind: 'window' | 'page'
  /** Rejects with the agent's own Message if there is one, because only the text of an Error reaches the page. */
  call<C extends keyof WindowCommands>(command: C, input: CommandInput<C>): Promise<CommandOutput<C>>
  /** Returns the function that ends the subscription. */
  on<E extends keyof Events>(event: E, listener: (payload: Events[E]) => void): () => void
  /** The absolute path of a file or folder that was dropped on the window. */
  pathOfDropped(file: File): string
}
