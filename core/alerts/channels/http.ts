import { dropError, ignoreError } from '../../dropped-errors.ts'
import { message } from '../../lib/i18n/message.ts'
import {
  classifyResponse,
  createAbortSignal,
  getAbortOutcome,
  type HttpAnswer,
  unreachable,
} from './answer.ts'
import type { ChannelInput, ChannelOutcome } from './channel.ts'

/** Bytes that are read of a response. Messages for people are shorter. */
const MOST_BYTES = 64 * 1024

export interface Request {
  /** May be a secret: sentences contain only its host. */
  url: string
  method?: string
  headers?: Record<string, string>
  body?: string | URLSearchParams
  /** True: the body of a successful response is read too; otherwise it is discarded. */
  readsSuccess?: boolean
}

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
    const response = await fetch(url, { method, headers, body, redirect: 'manual', signal: limit })
    const text = response.ok && !readsSuccess ? await discardBody(response) : await readBeginning(response)
    return { host: url.host, status: response.status, headers: response.headers, text }
  } catch (thrown) {
    return limit.aborted ? getAbortOutcome(given, url.host) : unreachable(url.host, thrown, given.secrets)
  }
}

/** Prepares the arguments of fetch; null: fetch would reject them with an error that contains the secret. */
function prepare(request: Request): { url: URL; headers: Headers } | null {
  try {
    const url = new URL(request.url)
    const headers = new Headers(request.headers)
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

/** Reads the beginning of a body, as far as it arrives in time. */
async function readBeginning(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  if (reader === undefined) return ''
  const pieces: Uint8Array[] = []
  let left = MOST_BYTES
  try {
    while (left > 0) {
      const { done, value } = await reader.read()
      if (done) break
      pieces.push(value.subarray(0, left))
      left -= value.length
    }
  } catch (error) {
    dropError(error, 'the status of an answer says more than the rest of its text')
  }
  await reader.cancel().catch(ignoreError('the connection of the answer has ended already'))
  return new TextDecoder().decode(Buffer.concat(pieces))
}

/** Discards the body, which would otherwise keep the connection open. */
async function discardBody(response: Response): Promise<string> {
  await response.body?.cancel().catch(ignoreError('the connection of the answer has ended already'))
  return ''
}
