import type { messagingApi } from '@line/bot-sdk'
import { type Message, message } from '../../lib/i18n/message.ts'
import { delivered, fieldOf, type HttpAnswer, jsonOf, judge, refusedAs } from './answer.ts'
import type { Channel, ChannelInput, ChannelOutcome } from './channel.ts'
import { exchange, json, type Request } from './http.ts'
import { shorten } from './shorten.ts'

const MOST_CHARACTERS = 5_000
/** The message is delivered by then: its quota is worth a short wait. */
const QUOTA_WITHIN_MS = 3_000

/** LINE's Messaging API: a message is pushed to a person or a group. */
export const line: Channel = {
  async send(letter, given) {
    const { to = '' } = given.options
    const text = shorten(letter.text, MOST_CHARACTERS)
    const answer = await ask(given, (client) =>
      client.pushMessage({ to, messages: [{ type: 'text', text }] }, letter.id),
    )
    if ('did' in answer) return answer
    const outcome = judgePush(answer, given.secrets)
    if (outcome.did !== 'delivered') return outcome
    const withinMs = Math.min(given.withinMs, QUOTA_WITHIN_MS)
    return { did: 'delivered', note: await quotaNote({ ...given, withinMs }) }
  },
}

function judgePush(answer: HttpAnswer, secrets: ChannelInput['secrets']): ChannelOutcome {
  // A message with this retry key was taken before, and the answer to it was lost.
  if (answer.status === 409) return delivered()
  // Nothing more goes out this month: another channel has to.
  if (answer.status === 429 && /monthly limit/i.test(answer.text))
    return refusedAs('channel.line.monthly', answer, secrets)
  return judge(answer, secrets)
}

/** What is left of the month's messages; null: LINE did not say, or there is no limit. */
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
  const value = 'did' in answer ? undefined : fieldOf(jsonOf(answer.text), name)
  return typeof value === 'number' ? value : null
}

/**
 * Makes one request: gives back what is answered, or why nothing is. LINE's SDK knows each request's address, headers
 * and form, but its transport waits for ever, follows redirects and reads whatever it is sent: ours takes its place.
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
    // What the SDK makes of an answer is not asked for.
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
