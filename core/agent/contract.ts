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
import { act, nothing } from './answer.ts'
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

const source = z.object({ id: z.string() })
/**
 * Every command that a view may send to the agent: the window over Electron's IPC, the command line over
 * the control socket. Both directions are validated with these schemas.
 */
export const commands = {
  snapshot: { input: nothing, output: stateSnapshotSchema },
  /** Adds a source. kind: batch sources look at child directories with marks (isocket). */
  addSource: act(
    z.object({
      path: z.string(),
      kind: z.enum(['continuous', 'batch']).optional(),
      prefix: z.string().max(255).optional(),
      /** What is left out; the rest stays at its default. */
      ...givenFiltersSchema.partial().shape,
      /** What other file systems mounted inside hold is left out. */
      oneFileSystem: z.boolean().optional(),
      /** Names or ids of the destinations that its files go to; without, all. */
      to: z.array(z.string()).min(1).max(MOST_DESTINATIONS).optional(),
    }),
  ),
  /** Stops watching; files at both ends stay as they are. */
  removeSource: act(source),
  /** Its directory is somewhere else now: what is there is compared, and only what differs is sent. */
  moveSource: act(z.object({ id: z.string(), path: z.string() })),
  /**
   * The link by which a source or a checked path was given leads elsewhere now: that place takes the path's. `stay`: the
   * path stays, and the link is forgotten.
   */
  followLink: act(z.object({ id: z.string(), stay: z.boolean() })),
  /**
   * Changes what of a source is sent, where, and whether at all, how it is called, and whether its files are removed
   * here after they were sent. What waits and the filters leave out now is not sent.
   */
  changeSource: act(z.object({ id: z.string(), changes: changeableSourceSchema })),
  /** What these filters would leave out of a source; a newer question ends the one before. Within ten seconds. */
  previewFilters: {
    input: z.object({ id: z.string(), filters: previewedFiltersSchema }),
    output: previewSchema,
  },
  addCheckedPath: act(z.object({ path: z.string() })),
  removeCheckedPath: act(source),
  /** Pauses all sending for some minutes, or until resumed (null). */
  pause: act(
    z.object({
      minutes: z.number().positive().max(LONGEST_PAUSE_MINUTES).nullable(),
    }),
  ),
  resume: act(nothing),
  checkNow: act(nothing),
  /** Gives parked files another try. */
  retryParked: act(
    /** id: of a source; null: of all. file: this row of the ledger alone. */
    z.object({ id: z.string().nullable(), file: z.number().int().optional() }),
  ),
  /** Sends everything of a source that is held (many of its files have lost their content) as it is now. */
  sendAsItIs: act(source),
  /**
   * Decides about the files of a batch source that carry isocket's mark, and that Holdfast did not send. confirm: they are at
   * the destinations, and count as sent; send: they are sent.
   */
  answerMarked: act(source.extend({ answer: z.enum(markedAnswers) })),
  /** Restores what was sent of those files; once it is back the source goes on by itself. */
  bringBack: act(source),
  /** Pairs with a receiver by its one-time code: one more destination, or the only one so far. */
  pair: act(
    /** name: what the receiver will call this computer; default: its host name. */
    z.object({ code: z.string().max(2000), name: z.string().min(1).max(200).optional() }),
  ),
  /**
   * Adds a folder, an SFTP server or a bucket. It is tested first: where something cannot be done nothing is added, and
   * the sentence says what.
   */
  addDestination: act(z.object({ destination: givenDestinationSchema, secrets: givenSecretsSchema })),
  /** The whole destination in place of the one of that id, once it was tested; secrets that are left out stay. */
  changeDestination: act(
    z.object({ id: z.string(), destination: changedDestinationSchema, secrets: givenSecretsSchema }),
  ),
  /** Opens a destination, writes a small file, reads it back and removes it; within 15 s. */
  testDestination: {
    /** `id`: of the destination whose kept secrets are used where they are left out. */
    input: senderDefinition.requests.test.input.omit({ stage: true }).extend({ id: z.string().optional() }),
    output: senderDefinition.requests.test.output,
  },
  /**
   * Reads the host keys of an SFTP server from the known_hosts file of the agent's user: fingerprints, the preferred one
   * first, and the sentence for people.
   */
  readKnownHosts: {
    input: sftpDestinationSchema.pick({ host: true, port: true }),
    output: z.object({ keys: z.array(z.string()), sentence: messageSchema }),
  },
  /** Makes an age key; the identity opens what is encrypted for the recipient, and is kept nowhere. */
  newEncryptionKey: {
    input: nothing,
    output: z.object({ recipient: z.string(), identity: z.string() }),
  },
  renameDestination: act(z.object({ id: z.string(), name: receiverDestinationSchema.shape.name })),
  /**
   * Sends nothing there any more; what it has stays there. Refused while a source goes there alone and there are
   * others. With the last one gone, files go to a folder on this computer.
   */
  removeDestination: act(source),
  /** Deletes the copies that were made here before there was a destination; refused while a file may be nowhere else. */
  deleteLocalCopies: act(nothing),
  /** Lets other computers send here, or (null) no longer; what they have sent stays. */
  setReceiving: act(z.object({ receive: receiveSettingsSchema.nullable() })),
  /** A pairing code for one more sender, or for one that takes another's place; it works once, for some minutes. */
  inviteSender: receiverDefinition.requests.invite,
  renameSender: act(receiverDefinition.requests.renameSender.input),
  revokeSender: act(receiverDefinition.requests.revokeSender.input),
  changeSettings: act(changeableSettingsSchema),
  /** Everything as in these settings, which were exported; the pause stays, and so do the secrets of what stays. */
  importSettings: act(z.object({ settings: settingsSchema })),
  /** It is told no more until it is over. `by`: who has seen to it, as the timeline says. */
  acknowledge: act(z.object({ id: z.string(), by: z.string().min(1).max(100) })),
  /** It is not told again for some minutes; null: no longer snoozed. */
  snooze: act(
    z.object({ id: z.string(), minutes: z.number().positive().max(LONGEST_PAUSE_MINUTES).nullable() }),
  ),
  /** Nothing is told of a source or a checked path until then (milliseconds since 1970), or until unmuted (null). */
  mute: act(z.object({ id: z.string(), until: z.number().nullable() })),
  unmute: act(source),
  /** `channel.id`: a new one's. Its secrets are kept apart. */
  addChannel: act(z.object({ channel: channelSchema, secrets: givenSecretsSchema })),
  /** The whole channel in place of the one of that id. */
  changeChannel: act(z.object({ channel: channelSchema, secrets: givenSecretsSchema })),
  removeChannel: act(source),
  /** The ids of all channels, as they are to be asked. */
  orderChannels: act(z.object({ ids: z.array(z.string()) })),
  /** Sends a test through a channel, the real way; the answer or the error in words. */
  testChannel: { input: source, output: testedSchema },
  /** What a template makes of a notice; null: what the channel's type has by default. */
  previewTemplate: {
    input: z.object({
      type: z.enum(channelTypes),
      template: z.string().max(LONGEST_TEMPLATE).nullable(),
    }),
    output: z.object({ text: z.string() }),
  },
  /** The newest lines of the log, oldest first; at most 500. */
  log: { input: nothing, output: z.object({ lines: z.array(logLineSchema) }) },
  timeline: { input: timelineQuestionSchema, output: timelinePageSchema },
  dismissNotice: act(z.object({ id: z.string() })),
  /** Delays and verdicts of a source or a checked path over a time, at a resolution of at most `points`. */
  checkHistory: { input: historyQuestionSchema, output: historyAnswerSchema },
  /** A page of the ledger, newest first, of one destination or of all. */
  files: {
    input: senderDefinition.requests.files.input
      .omit({ destinations: true })
      .extend({ destination: z.string().optional() }),
    output: senderDefinition.requests.files.output,
  },
  ...restoreCommands,
  /** Brings files back from a destination; one restore at a time, whose progress is in the state. */
  restoreStart: act(restoreStartSchema),
  /** What the last restore has kept, as other content was there, is replaced. */
  restoreReplace: act(nothing),
  /** What is there stays: each file whole or not at all. */
  restoreStop: act(nothing),
} as const satisfies Record<string, { input: z.ZodType; output: z.ZodType }>

/** What the agent tells its views unasked. */
export const events = {
  patch: statePatchSchema,
  /** Asks the window for how long sending is to pause. */
  askPause: z.object({}),
  /** Asks the window to show one of its pages. */
  show: z.object({
    page: z.enum(['overview', 'transfers', 'destinations', 'alerts', 'settings']),
    incident: z.string().nullable().optional(),
    /** A pairing code that came as a link: its form is shown filled, and a person goes on or not. */
    code: z.string().max(2000).optional(),
  }),
} as const satisfies Record<string, z.ZodType>

export type Commands = typeof commands
export type DesktopCommands = typeof desktopCommands
export type WindowCommands = Commands & DesktopCommands
export type CommandInput<C extends keyof WindowCommands> = z.infer<WindowCommands[C]['input']>
export type CommandOutput<C extends keyof WindowCommands> = z.infer<WindowCommands[C]['output']>
/** What answers each of some commands. */
export type HandlersOf<C extends keyof WindowCommands> = {
  [Name in C]: (input: CommandInput<Name>) => Promise<CommandOutput<Name>>
}
export type CommandHandlers = HandlersOf<keyof Commands>
export type Events = { [E in keyof typeof events]: z.infer<(typeof events)[E]> }

/** What the preload script puts on the window's `window.holdfast`. */
export interface Bridge {
  /** Rejects with the agent's own Message where it has one: of an Error only the text reaches the page. */
  call<C extends keyof WindowCommands>(command: C, input: CommandInput<C>): Promise<CommandOutput<C>>
  /** Returns the function that ends the subscription. */
  on<E extends keyof Events>(event: E, listener: (payload: Events[E]) => void): () => void
  /** The absolute path of a file or folder that was dropped on the window. */
  pathOfDropped(file: File): string
}
