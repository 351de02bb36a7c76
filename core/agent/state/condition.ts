import type { IncidentKind, Outcome } from '../../alerts/kinds.ts'
import { type Message, message, type WordKey } from '../../lib/i18n/message.ts'

// Shared by the conditions. Each part finds its own: `parts/NAME/conditions.ts`.

/** A destination is reported only after this long, because short reconnects are normal. */
export const UNREACHABLE_AFTER_MS = 10_000
export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
/** Longest path in a sentence, in characters. */
const LONGEST_NAME = 120

/** The condition of one subject that is not a disk. Failures turn the icon amber or red and become incidents. */
export interface Condition {
  id: string
  kind: IncidentKind | 'ok'
  /** Id of the source concerned. */
  source: string | null
  name: string
  /** Milliseconds since 1970. */
  since: number
  sentence: Message
  /** Sentences about the cause, from another computer or a service; empty: it is unknown. */
  cause?: Message[] | undefined
  headline: Headline
  /** Minimum duration in milliseconds before a notification. */
  tellAfterMs: number
  /** Why its incident ends; omitted: unknown. */
  outcome?: Outcome
  /** How its incident ends; omitted: the usual sentence. */
  end?: Message
}

/** The overall status in one short line, and the rest with current ages and counts. */
export interface Headline {
  sentence: Message
  detail: Message | null
}

/** The condition of one subject; unknown: it cannot be determined at the moment. */
export type FoundCondition = Condition | Unknown
type Unknown = { id: string; kind: 'unknown' }

export type Subject = Pick<Condition, 'id' | 'name' | 'source' | 'cause'>

export const well = (subject: Subject, now: number): Condition[] =>
  condition(subject, 'ok', now, message('check.ok', { path: subject.name }), 0)

/** Failures with a headline of their own give it to `condition`. */
export const headlines = {
  refused: 'status.refused',
  destination: 'status.destination',
  unwatched: 'status.unwatched',
  incomplete: 'status.incomplete',
  silent: 'status.silent',
  'sender-silent': 'status.senderSilent',
  'sender-failing': 'status.senderFailing',
  'computer-failing': 'status.senderFailing',
  'computer-attention': 'status.computerAttention',
  'computer-silent': 'status.senderSilent',
  'not-closed': 'status.notClosed',
} as const satisfies Partial<Record<IncidentKind, WordKey>>
const hasHeadline = (kind: Condition['kind']): kind is keyof typeof headlines => kind in headlines

export const unknown = ({ id }: Subject): Unknown[] => [{ id, kind: 'unknown' }]

export const condition = (
  subject: Subject,
  kind: Condition['kind'],
  since: number,
  sentence: Message,
  tellAfterMs: number,
  headline: Headline = {
    sentence: message(hasHeadline(kind) ? headlines[kind] : 'status.notice', { name: subject.name }),
    detail: sentence,
  },
): Condition[] => [{ ...subject, kind, since, sentence, tellAfterMs, headline }]

/**
 * Returns how long a condition has lasted. A start in the future means that the clock was set back; the duration is
 * then unknown and counts as long enough.
 */
export function awayFor(since: number, now: number): number {
  return now < since ? UNREACHABLE_AFTER_MS + 1 : now - since
}

/** Keeps the end of a long path, which identifies the file. */
export const shortened = (path: string) =>
  path.length > LONGEST_NAME ? `…${path.slice(-LONGEST_NAME)}` : path
