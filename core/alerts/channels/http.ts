import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  STATUS_CODES,
} from 'node:http'
import { request as httpsRequest } from 'node:https'
import { dropError, ignoreError } from '../../dropped-errors.ts'
import { message, type WordKey } from '../../lib/i18n/message.ts'
import { findProxyProblem, HttpAgent, HttpsAgent } from '../../lib/network/tunnel.ts'
import { errorCode, errorText } from '../../platform/system-error.ts'
import { type ChannelInput, type ChannelOutcome, quote } from './channel.ts'

// The HTTP request of a channel, in this order: the request, the outcome of a response, the outcome without one.

export interface Request {
  /** May be a secret: sentences contain only its host. */
  url: string
  method?: string
  headers?: Record<string, string>
  body?: string | URLSearchParams
  /** True: the body of a successful response is read too; otherwise it is discarded. */
  readsSuccess?: boolean
}

/** The response of an HTTP server. */
export interface HttpAnswer {
  host: string
  status: number
  headers: IncomingHttpHeaders
  /** The beginning of the body. */
  text: string
}

/** Bytes that are read of a response. Messages for people are shorter. */
const MOST_BYTES = 64 * 1024
/** Limit of the requested pause. No service needs a longer one, and a mistaken value must not silence a channel. */
const LONGEST_PAUSE_MS = 6 * 3_600_000
const SHORTEST_PAUSE_MS = 1_000
/** Fields in which JSON responses have their message for people. */
const MESSAGE_FIELDS = ['description', 'message', 'error', 'detail', 'title']

/** Posts a request and classifies the response as most services intend it. */
export async function post(request: Request, given: ChannelInput): Promise<ChannelOutcome> {
  const answer = await exchange(request, given)
  return 'did' in answer ? answer : classifyResponse(answer, given.secrets)
}

/** Returns a request with a JSON body. */
export function json(url: string, body: unknown, headers: Record<string, string> = {}) {
  return { url, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) }
}

/** Sends one request. Returns any response, or the outcome if there is none. Never throws. */
export async function exchange(request: Request, given: ChannelInput): Promise<HttpAnswer | ChannelOutcome> {
  const prepared = prepare(request)
  if (prepared === null) return { did: 'refused', reason: message('channel.invalid') }
  const { url, headers } = prepared
  const limit = createAbortSignal(given)
  try {
    const { method = 'POST', body = null, readsSuccess = false } = request
    // Redirects are not followed: the secret and the message must go only to the configured address.
    const options = { method, headers: Object.fromEntries(headers), signal: limit }
    const sent =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, agent: new HttpsAgent() })
        : httpRequest(url, { ...options, agent: new HttpAgent() })
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve)
      sent.on('error', reject)
      // A request that waits for a proxy has no connection yet, with which it would end.
      limit.addEventListener('abort', () => reject(limit.reason), { once: true })
      sent.end(body === null ? '' : String(body))
    })
    const { statusCode: status = 0 } = response
    const isDone = status >= 200 && status < 300 && !readsSuccess
    return {
      host: url.host,
      status,
      headers: response.headers,
      text: isDone ? discardBody(response) : await readBeginning(response),
    }
  } catch (thrown) {
    return limit.aborted ? getAbortOutcome(given, url.host) : unreachable(url.host, thrown, given.secrets)
  }
}

/** Prepares the address and the headers of a request; null: their error would contain the secret. */
function prepare(request: Request): { url: URL; headers: Headers } | null {
  try {
    const url = new URL(request.url)
    const headers = new Headers({ Accept: '*/*', 'User-Agent': 'Holdfast', ...request.headers })
    if (request.body instanceof URLSearchParams)
      headers.set('Content-Type', 'application/x-www-form-urlencoded;charset=UTF-8')
    if (url.username !== '' || url.password !== '') {
      const user = [url.username, url.password].map(decodeURIComponent).join(':')
      if (!headers.has('Authorization'))
        headers.set('Authorization', `Basic ${Buffer.from(user).toString('base64')}`)
      url.username = ''
      url.password = ''
    }
    return url.protocol === 'https:' || url.protocol === 'http:' ? { url, headers } : null
  } catch (error) {
    return dropError(error, 'the text is no web address', null)
  }
}

/** Ends the connection instead of reading the body. */
function discardBody(response: IncomingMessage): string {
  response.on('error', ignoreError('the answer is complete without its body'))
  response.destroy()
  return ''
}

/** Reads the beginning of a body, as far as it arrives in time. */
async function readBeginning(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let left = MOST_BYTES
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      pieces.push(piece.subarray(0, left))
      left -= piece.length
      // Leaving the loop ends the connection.
      if (left <= 0) break
    }
  } catch (error) {
    dropError(error, 'the status of an answer says more than the rest of its text')
  }
  return new TextDecoder().decode(Buffer.concat(pieces))
}

/** Classifies a response as most services intend it. */
export function classifyResponse(answer: HttpAnswer, secrets: ChannelInput['secrets']): ChannelOutcome {
  const { status } = answer
  if (status >= 200 && status < 300) return delivered()
  if (status === 429) return later('channel.busy', answer, secrets)
  if (status === 408 || status === 425 || status >= 500) return later('channel.failing', answer, secrets)
  if (status < 400) return refusedAs('channel.moved', answer, secrets)
  if (status === 401 || status === 403) return refusedAs('channel.rejected', answer, secrets)
  return refusedAs('channel.refused', answer, secrets)
}

export function delivered(): ChannelOutcome {
  return { did: 'delivered', note: null }
}

function later(key: WordKey, answer: HttpAnswer, secrets: ChannelInput['secrets']): ChannelOutcome {
  return { did: 'retry', afterMs: retryAfterMs(answer.headers), reason: sentence(key, answer, secrets) }
}

export function refusedAs(
  key: WordKey,
  answer: HttpAnswer,
  secrets: ChannelInput['secrets'],
): ChannelOutcome {
  return { did: 'refused', reason: sentence(key, answer, secrets) }
}

function sentence(key: WordKey, answer: HttpAnswer, secrets: ChannelInput['secrets']) {
  const { host, status, text } = answer
  const quoted = quote(findErrorText(text), secrets)
  return message(key, { host, status, answer: quoted === '' ? (STATUS_CODES[status] ?? '–') : quoted })
}

/** Returns the requested pause, given in seconds or as a date; null: none, or in an unknown format. */
function retryAfterMs(headers: IncomingHttpHeaders): number | null {
  const asked = headers['retry-after']?.trim() ?? ''
  if (/^\d+$/.test(asked)) return clampPause(Number(asked) * 1000)
  // Date.parse alone accepts almost any text as a date.
  if (!/^[A-Z][a-z]+, .* GMT$/.test(asked)) return null
  const at = Date.parse(asked)
  return Number.isNaN(at) ? null : clampPause(at - Date.now())
}

export function clampPause(ms: number): number {
  return Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, ms))
}

/** Returns the message of a response: a field of a JSON object, or the text of a page. */
function findErrorText(text: string): string {
  const parsed = tryParseJson(text)
  const found = MESSAGE_FIELDS.map((name) => getField(parsed, name)).find(
    (value) => typeof value === 'string',
  )
  // Only the beginning of a page is searched, because a hostile page could make the search for its tags slow.
  return typeof found === 'string' ? found : text.slice(0, 4_000).replace(/<[^<>]*>/g, ' ')
}

/** Parses a text as JSON; null: it is not JSON. */
export function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    return dropError(error, 'the answer is no JSON', null)
  }
}

/** Returns a field of a JSON object; undefined: it has no such field. */
export function getField(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null) return undefined
  return Object.entries(object).find(([key]) => key === name)?.[1]
}

/** Returns a signal that ends an attempt when its time is up or it is cancelled. */
export function createAbortSignal({ signal, withinMs }: ChannelInput): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(withinMs)])
}

/**
 * Returns the outcome of an attempt that was ended by its limit, which is temporary like every lack of a response. An
 * attempt is cancelled when Holdfast stops or the channel is removed.
 */
export function getAbortOutcome({ signal, withinMs }: ChannelInput, host: string): ChannelOutcome {
  const reason = signal.aborted
    ? message('channel.stopped')
    : message('channel.silent', { host, limit: withinMs })
  return { did: 'retry', afterMs: null, reason }
}

/** Returns the outcome if the server cannot be reached or cannot prove its identity. */
export function unreachable(host: string, thrown: unknown, secrets: ChannelInput['secrets']): ChannelOutcome {
  const proxyProblem = findProxyProblem(thrown)
  if (proxyProblem !== null) return { did: 'retry', afterMs: null, reason: proxyProblem }
  const key = isCertificate(getCause(thrown)) ? 'channel.certificate' : 'channel.unreachable'
  return {
    did: 'retry',
    afterMs: null,
    reason: message(key, { host, reason: quote(getReason(thrown), secrets) }),
  }
}

/** True for an error of OpenSSL or Node about an invalid certificate. */
function isCertificate(cause: unknown): boolean {
  return /CERT|UNABLE_TO_(GET|VERIFY)/.test(errorCode(cause) ?? '') || /certificate/i.test(errorText(cause))
}

/** Returns the cause of an error, which is nearer to the reason. */
function getCause(thrown: unknown): unknown {
  return thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown
}

/**
 * Returns the reason of an error. If all of several addresses refuse, the error has no text, and its code is used.
 */
export function getReason(thrown: unknown): string {
  const cause = getCause(thrown)
  const text = errorText(cause)
  return text === '' ? (errorCode(cause) ?? 'unknown') : text
}
