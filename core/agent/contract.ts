import { z } from 'zod'
import { channelTypes } from '../alerts/channels/catalog.ts'
import { testedSchema } from '../alerts/notifier-messages.ts'
import { channelSchema, LONGEST_TEMPLATE } from '../alerts/settings.ts'
import { timelinePageSchema, timelineQuestionSchema } from '../alerts/timeline.ts'
import { historyAnswerSchema, historyQuestionSchema } from '../check/checker-messages.ts'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { receiverDefinition } from '../receive/receiver-messages.ts'
import { markedAnswers, previewSchema } from '../scan/scanner-messages.ts'
import { senderDefinition } from '../send/sender-messages.ts'
import { receiverDestinationSchema, sftpDestinationSchema } from '../settings/destination-schema.ts'
import {
  changedDestinationSchema,
  givenDestinationSchema,
  givenSecretsSchema,
} from '../settings/given-destination.ts'
import {
  LONGEST_PAUSE_MINUTES,
  MOST_DESTINATIONS,
  receiveSettingsSchema,
  settingsSchema,
} from '../settings/schema.ts'
import { defineAction, nothing } from './answer.ts'
import type { desktopCommands } from './desktop-contract.ts'
import { logLineSchema } from './log-lines.ts'
import { restoreCommands, restoreStartSchema } from './restore/contract.ts'
import {
  changeableSettingsSchema,
  changeableSourceSchema,
  givenFiltersSchema,
  previewedFiltersSchema,
} from './settings-patch.ts'
import { statePatchSchema, stateSnapshotSchema } from './state/schema.ts'

const idInput = z.object({ id: z.string() })
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
      /** The filters to set; the others keep their defaults. */
      ...givenFiltersSchema.partial().shape,
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
  renameDestination: defineAction(z.object({ id: z.string(), name: receiverDestinationSchema.shape.name })),
  /**
   * Stops sending to the destination; files there stay. Refused while a source has only this destination and others
   * exist. Without any destination, files go to a folder on this computer.
   */
  removeDestination: defineAction(idInput),
  /**
   * Deletes the copies made on this computer before it had a destination. Refused while a file may exist nowhere
   * else.
   */
  deleteLocalCopies: defineAction(nothing),
  /** Lets other computers send here; null: stops it. Files already received stay. */
  setReceiving: defineAction(z.object({ receive: receiveSettingsSchema.nullable() })),
  /** Creates a pairing code for a new sender, or for one that replaces another. It works once, for some minutes. */
  inviteSender: receiverDefinition.requests.invite,
  renameSender: defineAction(receiverDefinition.requests.renameSender.input),
  revokeSender: defineAction(receiverDefinition.requests.revokeSender.input),
  changeSettings: defineAction(changeableSettingsSchema),
  /**
   * Replaces all settings with exported ones. The pause stays, and so do the secrets of channels and destinations
   * that stay.
   */
  importSettings: defineAction(z.object({ settings: settingsSchema })),
  /** Stops notifications of an incident until it ends. `by`: who acknowledged it, for the timeline. */
  acknowledge: defineAction(z.object({ id: z.string(), by: z.string().min(1).max(100) })),
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
  dismissNotice: defineAction(z.object({ id: z.string() })),
  /** Returns delays and results of a source or a checked path over a period, at a resolution of at most `points`. */
  checkHistory: { input: historyQuestionSchema, output: historyAnswerSchema },
  /** Returns a page of the ledger, newest first, of one destination or of all. */
  files: {
    input: senderDefinition.requests.files.input
      .omit({ destinations: true })
      .extend({ destination: z.string().optional() }),
    output: senderDefinition.requests.files.output,
  },
  ...restoreCommands,
  /** Restores files from a destination. Only one restore runs at a time; its progress is in the state. */
  restoreStart: defineAction(restoreStartSchema),
  /** Replaces the files that the last restore left alone because their content differed. */
  restoreReplace: defineAction(nothing),
  /** Stops the restore. Each file is restored completely or not at all. */
  restoreStop: defineAction(nothing),
} as const satisfies Record<string, { input: z.ZodType; output: z.ZodType }>

/** Events that the agent sends to its views. */
export const events = {
  patch: statePatchSchema,
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
export type CommandHandlers = HandlersFor<keyof Commands>
export type Events = { [E in keyof typeof events]: z.infer<(typeof events)[E]> }

/** The object that the preload script exposes as `window.holdfast`. */
export interface Bridge {
  /** Rejects with the agent's own Message if there is one, because only the text of an Error reaches the page. */
  call<C extends keyof WindowCommands>(command: C, input: CommandInput<C>): Promise<CommandOutput<C>>
  /** Returns the function that ends the subscription. */
  on<E extends keyof Events>(event: E, listener: (payload: Events[E]) => void): () => void
  /** The absolute path of a file or folder that was dropped on the window. */
  pathOfDropped(file: File): string
}
