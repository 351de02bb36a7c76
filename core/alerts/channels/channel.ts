import type { Message } from '../../lib/i18n/message.ts'
import type { Notice } from '../notice.ts'

/** The outcome of one attempt to deliver a message. */
export type ChannelOutcome =
  | {
      did: 'delivered' /** Additional information from the other end, such as a quota. */
      note: Message | null
    }
  | {
      did: 'retry' /** The pause in milliseconds that the other end requested; null: the retry policy decides. */
      afterMs: number | null
      reason: Message
    }
  | { did: 'refused'; reason: Message }

/** A notice as text, as a channel sends it. */
export interface OutgoingMessage {
  /** A UUID, the same for every attempt and across restarts. */
  id: string
  notice: Notice
  title: string
  body: string
  /** Title and body, or the channel's filled-in template. */
  text: string
  /** Data is at risk, so a person should act now. */
  urgent: boolean
  /** The computer that sends it. */
  computer: string
  labels: { project: string; resource: string }
}

/** The input of a channel besides the message. */
export interface ChannelInput {
  /** By the catalogue's names. */
  options: Readonly<Record<string, string>>
  /** Must never appear in a log, a message or an error. */
  secrets: Readonly<Record<string, string>>
  signal: AbortSignal
  /** Timeout of a whole attempt in milliseconds. */
  withinMs: number
}

/** A healthy service responds sooner. */
export const WITHIN_MS = 10_000

/** A channel for notifications. It never throws: failures are outcomes. */
export interface Channel {
  send(letter: OutgoingMessage, given: ChannelInput): Promise<ChannelOutcome>
  /** A regular heartbeat, so that the other end notices when this computer is silent. */
  beat?: {
    everyMs(options: ChannelInput['options']): number
    /** `text`: describes the current failure; null: none. `isFirst`: Holdfast has just started. */
    send(text: string | null, isFirst: boolean, given: ChannelInput): Promise<ChannelOutcome>
  }
}
