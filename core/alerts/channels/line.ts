import type { messagingApi } from '@line/bot-sdk'
import { type Message, message } from '../../lib/i18n/message.ts'
import { type Channel, type ChannelInput, type ChannelOutcome, shorten } from './channel.ts'
import {
  classifyResponse,
  delivered,
  exchange,
  getField,
  type HttpAnswer,
  json,
  post,
  type Request,
  refusedAs,
  tryParseJson,
} from './http.ts'

const MAX_MESSAGE_CHARACTERS = 5_000
/** Timeout for reading the quota. The message is already delivered, so the wait is short. */
const QUOTA_WITHIN_MS = 3_000
/** LINE Notify's own address. The service ended on 2025-03-31, but other services accept its form. */
export const LINE_NOTIFY_ENDPOINT = 'https://notify-api.line.me/api/notify'

const MAX_NOTIFY_CHARACTERS = 1_000

/** Pushes a message to a person or a group by LINE's Messaging API. */
export const line: Channel = {
  async send(letter, given) {
    const { to = '' } = given.options
    const text = shorten(letter.text, MAX_MESSAGE_CHARACTERS)
    const answer = await ask(given, (client) =>
      client.pushMessage({ to, messages: [{ type: 'text', text }] }, letter.id),
    )
    if ('did' in answer) return answer
    const outcome = classifyPush(answer, given.secrets)
    if (outcome.did !== 'delivered') return outcome
    const withinMs = Math.min(given.withinMs, QUOTA_WITHIN_MS)
    return { did: 'delivered', note: await quotaNote({ ...given, withinMs }) }
  },
}

/**
 * Makes one request. Returns the response, or the outcome if there is none. LINE's SDK builds each request's address,
 * headers and body, but its transport has no timeout, follows redirects and reads responses of any size, so it is
 * replaced.
 */
async function ask(
  given: ChannelInput,
  call: (client: messagingApi.MessagingApiClient) => Promise<unknown>,
): Promise<HttpAnswer | ChannelOutcome> {
  const baseURL = (given.options.endpoint ?? '').replace(/\/+$/, '')
  const channelAccessToken = given.secrets.token ?? ''
  const { messagingApi } = await import('@line/bot-sdk')
  const client = new messagingApi.MessagingApiClient({ channelAccessToken, baseURL })
  let answer: HttpAnswer | ChannelOutcome | undefined
  const carry = async (request: Request) => {
    const headers = { ...request.headers, Authorization: `Bearer ${channelAccessToken}` }
    answer = await exchange({ ...request, headers }, given)
    // The SDK's result is not used.
    return new Response('{}')
  }
  const httpClient = {
    get: (path: string) => carry({ url: baseURL + path, method: 'GET', readsSuccess: true }),
    post: (path: string, body: unknown, config?: { headers?: Record<string, string> }) =>
      carry(json(baseURL + path, body, config?.headers)),
  }
  Object.assign(client, { httpClient })
  await call(client)
  if (answer === undefined) throw new Error("LINE's SDK made no request")
  return answer
}

function classifyPush(answer: HttpAnswer, secrets: ChannelInput['secrets']): ChannelOutcome {
  // A message with this retry key was accepted before, and its response was lost.
  if (answer.status === 409) return delivered()
  // The quota of this month is used up, so another channel has to deliver.
  if (answer.status === 429 && /monthly limit/i.test(answer.text))
    return refusedAs('channel.line.monthly', answer, secrets)
  return classifyResponse(answer, secrets)
}

/** Returns how many of the month's messages are used; null: LINE does not respond with it, or there is no limit. */
async function quotaNote(given: ChannelInput): Promise<Message | null> {
  const [quota, consumption] = await Promise.all([
    ask(given, (client) => client.getMessageQuota()),
    ask(given, (client) => client.getMessageQuotaConsumption()),
  ])
  const limit = numberIn(quota, 'value')
  const used = numberIn(consumption, 'totalUsage')
  if (limit === null || used === null) return null
  return message('channel.line.quota', { used, limit, at: Date.now() })
}

function numberIn(answer: HttpAnswer | ChannelOutcome, name: string): number | null {
  const value = 'did' in answer ? undefined : getField(tryParseJson(answer.text), name)
  return typeof value === 'number' ? value : null
}

/** Sends LINE Notify's form, as the read-only monitor did. */
export const lineNotify: Channel = {
  send({ text }, given) {
    const { endpoint: url = '' } = given.options
    const headers = { Authorization: `Bearer ${given.secrets.token ?? ''}` }
    const message = shorten(text, MAX_NOTIFY_CHARACTERS)
    const body = new URLSearchParams({ message, stickerPackageId: '1', stickerId: '3' })
    return post({ url, headers, body }, given)
  },
}
