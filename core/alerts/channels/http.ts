import { dropError, ignoreError } from '../../dropped-errors.ts'
import { message } from '../../lib/i18n/message.ts'
import { cutShort, type HttpAnswer, judge, limitOf, unreachable } from './answer.ts'
import type { ChannelInput, ChannelOutcome } from './channel.ts'

/** So much of an answer is read; what is meant for a person is shorter. */
const MOST_BYTES = 64 * 1024

export interface Request {
  /** May be a secret: no sentence names more of it than its host. */
  url: string
  method?: string
  headers?: Record<string, string>
  body?: string | URLSearchParams
  /** Also what is said to a success is of interest; else it is not waited for. */
  readsSuccess?: boolean
}

/** Posts, and judges the answer as most services mean it. */
export async function post(request: Request, given: ChannelInput): Promise<ChannelOutcome> {
  const answer = await exchange(request, given)
  return 'did' in answer ? answer : judge(answer, given.secrets)
}

/** A request whose body is JSON. */
export function json(url: string, body: unknown, headers: Record<string, string> = {}) {
  return { url, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) }
}

/** One request, and what was answered to it, whatever that is; or why nothing was. It never throws. */
export async function exchange(request: Request, given: ChannelInput): Promise<HttpAnswer | ChannelOutcome> {
  const prepared = prepare(request)
  if (prepared === null) return { did: 'refused', reason: message('channel.invalid') }
  const { url, headers } = prepared
  const limit = limitOf(given)
  try {
    const { method = 'POST', body = null, readsSuccess = false } = request
    // Where a redirect leads nobody has chosen: neither the secret nor the message follows it.
    const response = await fetch(url, { method, headers, body, redirect: 'manual', signal: limit })
    const text = response.ok && !readsSuccess ? await leave(response) : await beginningOf(response)
    return { host: url.host, status: response.status, headers: response.headers, text }
  } catch (thrown) {
    return limit.aborted ? cutShort(given, url.host) : unreachable(url.host, thrown, given.secrets)
  }
}

/** What fetch takes; null: it would refuse it, and its error would name the secret. */
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

/** The beginning of an answer: as much of it as comes in time. */
async function beginningOf(response: Response): Promise<string> {
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

/** Unread it would keep the connection. */
async function leave(response: Response): Promise<string> {
  await response.body?.cancel().catch(ignoreError('the connection of the answer has ended already'))
  return ''
}
