import { STATUS_CODES } from 'node:http'
import { dropError } from '../../dropped-errors.ts'
import { message, type WordKey } from '../../lib/i18n/message.ts'
import { errorCode, errorText } from '../../platform/system-error.ts'
import type { ChannelInput, ChannelOutcome } from './channel.ts'
import { quote } from './quote.ts'

/** What an HTTP server answered. */
export interface HttpAnswer {
  host: string
  status: number
  headers: Headers
  /** Its beginning. */
  text: string
}

/** No service means a longer pause; one that was asked for by mistake must not silence a channel. */
const LONGEST_PAUSE_MS = 6 * 3_600_000
const SHORTEST_PAUSE_MS = 1_000

export function delivered(): ChannelOutcome {
  return { did: 'delivered', note: null }
}

/** What an answer means to most services. */
export function judge(answer: HttpAnswer, secrets: ChannelInput['secrets']): ChannelOutcome {
  const { status } = answer
  if (status >= 200 && status < 300) return delivered()
  if (status === 429) return later('channel.busy', answer, secrets)
  if (status === 408 || status === 425 || status >= 500) return later('channel.failing', answer, secrets)
  if (status < 400) return refusedAs('channel.moved', answer, secrets)
  if (status === 401 || status === 403) return refusedAs('channel.rejected', answer, secrets)
  return refusedAs('channel.refused', answer, secrets)
}

export function refusedAs(
  key: WordKey,
  answer: HttpAnswer,
  secrets: ChannelInput['secrets'],
): ChannelOutcome {
  return { did: 'refused', reason: sentence(key, answer, secrets) }
}

function later(key: WordKey, answer: HttpAnswer, secrets: ChannelInput['secrets']): ChannelOutcome {
  return { did: 'retry', afterMs: retryAfterMs(answer.headers), reason: sentence(key, answer, secrets) }
}

function sentence(key: WordKey, answer: HttpAnswer, secrets: ChannelInput['secrets']) {
  const { host, status, text } = answer
  const said = quote(saidIn(text), secrets)
  return message(key, { host, status, answer: said === '' ? (STATUS_CODES[status] ?? '–') : said })
}

/** The pause that is asked for: seconds, or the date of its end; null: none, or what nobody understands. */
function retryAfterMs(headers: Headers): number | null {
  const asked = headers.get('Retry-After')?.trim() ?? ''
  if (/^\d+$/.test(asked)) return pauseOf(Number(asked) * 1000)
  // Date.parse alone takes almost anything for a date.
  if (!/^[A-Z][a-z]+, .* GMT$/.test(asked)) return null
  const at = Date.parse(asked)
  return Number.isNaN(at) ? null : pauseOf(at - Date.now())
}

export function pauseOf(ms: number): number {
  return Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, ms))
}

/** Where services that answer in JSON have what a person should read. */
const SAYING = ['description', 'message', 'error', 'detail', 'title']

/** The words of an answer: of a JSON object its message, of a page its text. */
function saidIn(text: string): string {
  const told = jsonOf(text)
  const said = SAYING.map((name) => fieldOf(told, name)).find((value) => typeof value === 'string')
  // Of a page only the beginning: a hostile one could make the search for its tags long.
  return typeof said === 'string' ? said : text.slice(0, 4_000).replace(/<[^<>]*>/g, ' ')
}

/** What a text says as JSON; null: it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    return dropError(error, 'the answer is no JSON', null)
  }
}

/** A field of a JSON object, whatever it is; undefined: there is none. */
export function fieldOf(told: unknown, name: string): unknown {
  if (typeof told !== 'object' || told === null) return undefined
  return Object.entries(told).find(([key]) => key === name)?.[1]
}

// No answer at all. All of this passes, so it is tried again.

/** When an attempt ends: its time is up, or nobody wants it any more. */
export function limitOf({ signal, withinMs }: ChannelInput): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(withinMs)])
}

/** An attempt that its limit has ended. Nobody wants it where Holdfast stops, or the channel was taken away. */
export function cutShort({ signal, withinMs }: ChannelInput, host: string): ChannelOutcome {
  const reason = signal.aborted
    ? message('channel.stopped')
    : message('channel.silent', { host, limit: withinMs })
  return { did: 'retry', afterMs: null, reason }
}

/** Nobody is there, or nobody who can prove to be the one. */
export function unreachable(host: string, thrown: unknown, secrets: ChannelInput['secrets']): ChannelOutcome {
  const key = isCertificate(causeOf(thrown)) ? 'channel.certificate' : 'channel.unreachable'
  return {
    did: 'retry',
    afterMs: null,
    reason: message(key, { host, reason: quote(reasonOf(thrown), secrets) }),
  }
}

/** A name of OpenSSL's or Node's for a certificate that proves nothing. */
function isCertificate(cause: unknown): boolean {
  return /CERT|UNABLE_TO_(GET|VERIFY)/.test(errorCode(cause) ?? '') || /certificate/i.test(errorText(cause))
}

/** fetch says "fetch failed" and keeps the reason as the error's cause. */
function causeOf(thrown: unknown): unknown {
  return thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown
}

/** Several addresses that all refused come as one error without a text of its own. */
export function reasonOf(thrown: unknown): string {
  const cause = causeOf(thrown)
  const text = errorText(cause)
  return text === '' ? (errorCode(cause) ?? 'unknown') : text
}
