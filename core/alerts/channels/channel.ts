import type { Message } from '../../lib/i18n/message.ts'
import type { Notice } from '../incident.ts'

/** A healthy service responds sooner. */
export const WITHIN_MS = 10_000
/** Factor of it for mail servers, which scan a message before they accept it, and greet slowly to deter senders of spam. */
export const MAIL_PATIENCE = 3
const MOST_QUOTED = 200
/** Text beyond this is ignored: it may end with half a secret, where reading stopped. */
const MOST_LOOKED_AT = 2_000
/** Replaces a secret. */
const HIDDEN = '•••'
/** Shorter parts of an address reveal little and occur in many sentences. */
const SHORTEST_PART = 6
const END = '…'

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
  /** By the catalog's names. */
  options: Readonly<Record<string, string>>
  /** Must never appear in a log, a message or an error. */
  secrets: Readonly<Record<string, string>>
  signal: AbortSignal
  /** Timeout of a whole attempt in milliseconds. */
  withinMs: number
}

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

/** Returns the title on one line. */
export function titleLine({ title }: Pick<OutgoingMessage, 'title'>): string {
  return title.replace(/\s+/g, ' ').trim()
}

/** Returns the text without the title at its start, for services that show the title separately. */
export function textBesideTitle({ title, text }: Pick<OutgoingMessage, 'title' | 'text'>): string {
  if (!text.startsWith(title)) return text
  const rest = text.slice(title.length)
  return rest.startsWith('\n') && rest.trim() !== '' ? rest.slice(1) : text
}

/** Shortens a text to a maximum size, including an ellipsis. Does not split surrogate pairs. */
export function shorten(text: string, most: number, measure: (text: string) => number = inUnits): string {
  // Replaces unpaired surrogates, which every encoder would change.
  const whole = text.toWellFormed()
  if (measure(whole) <= most) return whole
  let fits = 0
  let tooLong = whole.length
  while (tooLong - fits > 1) {
    const middle = Math.floor((fits + tooLong) / 2)
    if (measure(whole.slice(0, middle) + END) <= most) fits = middle
    else tooLong = middle
  }
  return whole.slice(0, fits).replace(/[\ud800-\udbff]$/, '') + END
}

/** Measures a text: in UTF-16 units if the service's manual counts "characters", otherwise in bytes of UTF-8. */
const inUnits = (text: string): number => text.length
export const inBytes = (text: string): number => Buffer.byteLength(text)

/** Shortens a foreign text for a sentence: on one line, and without secrets. */
export function quote(text: string, secrets: Readonly<Record<string, string>>): string {
  const said = hide(text, secrets).slice(0, MOST_LOOKED_AT)
  // Control characters are not text, and could affect a terminal or turn the rest of the sentence round.
  return shorten(said.replace(/[\s\p{Cc}\p{Bidi_Control}]+/gu, ' ').trim(), MOST_QUOTED)
}

/** Removes secrets from a text, in every form in which they were sent or could be returned. */
function hide(text: string, secrets: Readonly<Record<string, string>>): string {
  const forms = [...new Set(Object.values(secrets).flatMap(getForms))].sort((a, b) => b.length - a.length)
  if (forms.length === 0) return text
  return text.replace(new RegExp(forms.map(literal).join('|'), 'gi'), HIDDEN)
}

function getForms(secret: string): string[] {
  if (secret.trim() === '') return []
  const whole = [secret, secret.trim()]
  const parts = [
    ...addressParts(secret.trim()),
    encodeURIComponent(secret.toWellFormed()),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64'),
  ]
  return [...whole, ...parts.filter((part) => part.length >= SHORTEST_PART)]
}

/** Returns the parts of a secret address, because responses often contain only its secret part. */
function addressParts(secret: string): string[] {
  if (!URL.canParse(secret)) return []
  const { href, pathname, search, username, password, searchParams } = new URL(secret)
  const steps = pathname.split('/')
  return [href, pathname + search, pathname, search, username, password, ...steps, ...searchParams.values()]
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
}
