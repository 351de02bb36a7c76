import type { Message } from '../../lib/i18n/message.ts'
import type { Notice } from '../notice.ts'

/** What became of one attempt to tell somebody. */
export type ChannelOutcome =
  | {
      did: 'delivered' /** What the other end said of it that a person may want to know, such as a quota. */
      note: Message | null
    }
  | {
      did: 'retry' /** Milliseconds, as the other end asked for; null: as the retry policy has it. */
      afterMs: number | null
      reason: Message
    }
  | { did: 'refused'; reason: Message }

/** A notice in words, as a channel sends it. */
export interface OutgoingMessage {
  /** The same for every attempt, also over a restart: a UUID. */
  id: string
  notice: Notice
  title: string
  body: string
  /** Title and body, or what the channel's template makes of them. */
  text: string
  /** What is at risk, and somebody should look now. */
  urgent: boolean
  /** The computer that tells it. */
  computer: string
  labels: { project: string; resource: string }
}

/** What a channel is given besides the letter. */
export interface ChannelInput {
  /** By the names of the catalogue. */
  options: Readonly<Record<string, string>>
  /** Never in a log, a message or an error. */
  secrets: Readonly<Record<string, string>>
  signal: AbortSignal
  /** How long an attempt may take as a whole, in milliseconds. */
  withinMs: number
}

/** No service that is well takes so long. */
export const WITHIN_MS = 10_000

/** One way to tell somebody. It never throws: whatever happens is an outcome. */
export interface Channel {
  send(letter: OutgoingMessage, given: ChannelInput): Promise<ChannelOutcome>
  /** What it is told on a timetable besides, so that the other end notices when this computer is silent. */
  beat?: {
    everyMs(options: ChannelInput['options']): number
    /** `text`: what fails, in words; null: nothing does. `isFirst`: Holdfast has just started. */
    send(text: string | null, isFirst: boolean, given: ChannelInput): Promise<ChannelOutcome>
  }
}
