import { type Answer, delivered, judge, refusedAs } from './answer.ts'
import type { Channel, Given, Outcome } from './channel.ts'
import { lineApi } from './line-api.ts'
import { quotaNote } from './line-quota.ts'
import { shorten } from './shorten.ts'

const MOST_CHARACTERS = 5_000
/** The message is delivered by then: its quota is worth a short wait. */
const QUOTA_WITHIN_MS = 3_000

/** LINE's Messaging API: a message is pushed to a person or a group. */
export const line: Channel = {
  async send(letter, given) {
    const { to = '' } = given.options
    const text = shorten(letter.text, MOST_CHARACTERS)
    const push = lineApi(given)
    const answer = await push((client) =>
      client.pushMessage({ to, messages: [{ type: 'text', text }] }, letter.id),
    )
    if ('did' in answer) return answer
    const outcome = judgePush(answer, given.secrets)
    if (outcome.did !== 'delivered') return outcome
    const withinMs = Math.min(given.withinMs, QUOTA_WITHIN_MS)
    return { did: 'delivered', note: await quotaNote({ ...given, withinMs }) }
  },
}

function judgePush(answer: Answer, secrets: Given['secrets']): Outcome {
  // A message with this retry key was taken before, and the answer to it was lost.
  if (answer.status === 409) return delivered()
  // Nothing more goes out this month: another channel has to.
  if (answer.status === 429 && /monthly limit/i.test(answer.text))
    return refusedAs('channel.line.monthly', answer, secrets)
  return judge(answer, secrets)
}
