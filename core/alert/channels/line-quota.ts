import { type Message, message } from '../../words/message.ts'
import { type Answer, fieldOf, jsonOf } from './answer.ts'
import type { Given, Outcome } from './channel.ts'
import { type AskLine, lineApi } from './line-api.ts'

/** How often LINE is asked; in between what it said last is told. */
const ASK_AGAIN_MS = 3_600_000
/** More tokens than anybody has. */
const MOST_KEPT = 100

const kept = new Map<string, { askedAt: number; note: Message | null }>()

/** What is left of the month's messages; null: LINE did not say, or there is no limit. */
export async function quotaNote(given: Given): Promise<Message | null> {
  const whose = `${given.options.endpoint} ${given.secrets.token}`
  const last = kept.get(whose)
  if (last !== undefined && performance.now() - last.askedAt < ASK_AGAIN_MS) return last.note
  if (kept.size >= MOST_KEPT) kept.clear()
  // Also where it fails: whoever does not answer this need not be asked after each message.
  kept.set(whose, { askedAt: performance.now(), note: null })
  const note = await askedNote(lineApi(given))
  kept.set(whose, { askedAt: performance.now(), note })
  return note
}

async function askedNote(ask: AskLine): Promise<Message | null> {
  const [quota, consumption] = await Promise.all([
    ask((client) => client.getMessageQuota()),
    ask((client) => client.getMessageQuotaConsumption()),
  ])
  const limit = numberIn(quota, 'value')
  const used = numberIn(consumption, 'totalUsage')
  if (limit === null || used === null) return null
  return message('channel.line.quota', { used, limit, at: Date.now() })
}

function numberIn(answer: Answer | Outcome, name: string): number | null {
  const value = 'did' in answer ? undefined : fieldOf(jsonOf(answer.text), name)
  return typeof value === 'number' ? value : null
}
