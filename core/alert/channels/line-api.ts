import type { messagingApi } from '@line/bot-sdk'
import type { Answer } from './answer.ts'
import type { Given, Outcome } from './channel.ts'
import { exchange, json, type Request } from './http.ts'

type Client = messagingApi.MessagingApiClient

/** Makes one request of LINE's API: gives back what is answered, or why nothing is. */
export type AskLine = (call: (client: Client) => Promise<unknown>) => Promise<Answer | Outcome>

/**
 * LINE's SDK knows each request's address, headers and form, but its transport waits for ever, follows redirects and
 * reads whatever it is sent: ours takes its place.
 */
export function lineApi(given: Given): AskLine {
  const baseURL = (given.options.endpoint ?? '').replace(/\/+$/, '')
  const channelAccessToken = given.secrets.token ?? ''
  return async (call) => {
    const { messagingApi } = await import('@line/bot-sdk')
    const client = new messagingApi.MessagingApiClient({ channelAccessToken, baseURL })
    let answer: Answer | Outcome | undefined
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
}
