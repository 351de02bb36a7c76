import { Problem } from '../../words/problem.ts'

export interface LineNotify {
  /** Where to post; LINE's own service ended on 2025-03-31, others speak its form. */
  endpoint: string
  token: string
}

/** LINE Notify's own address. */
export const LINE_NOTIFY_ENDPOINT = 'https://notify-api.line.me/api/notify'

/** How long an endpoint may take to answer, in milliseconds. */
const DELIVER_WITHIN_MS = 10_000

/**
 * Delivers one message as a LINE Notify form: message, stickerPackageId=1, stickerId=3, with a bearer token.
 * Throws a Problem unless the endpoint answers 2xx; the token is in no message of it.
 */
export async function deliverLineNotify(
  { endpoint, token }: LineNotify,
  text: string,
  withinMs: number = DELIVER_WITHIN_MS,
): Promise<void> {
  let response: Response
  try {
    response = await fetch(endpoint, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}` },
      body: new URLSearchParams({ message: text, stickerPackageId: '1', stickerId: '3' }),
      signal: AbortSignal.timeout(withinMs),
    })
    // The answer's text is of no interest, but unread it would keep the connection.
    await response.body?.cancel()
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === 'TimeoutError') {
      throw new Problem('check.deliverySilent', { endpoint, limit: withinMs }, { cause: thrown })
    }
    throw new Problem('check.deliveryFailed', { endpoint, reason: reasonOf(thrown) }, { cause: thrown })
  }
  if (!response.ok) throw new Problem('check.deliveryRefused', { endpoint, status: response.status })
}

/** fetch says "fetch failed" and keeps the reason as the error's cause. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const { cause } = thrown
  if (!(cause instanceof Error)) return thrown.message
  // Several addresses that all refused come as one error without a text of its own.
  return cause.message !== '' ? cause.message : 'code' in cause ? String(cause.code) : thrown.message
}
