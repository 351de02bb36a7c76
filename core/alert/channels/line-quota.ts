import { type Message, message } from '../../words/message.ts'
import { type Answer, fieldOf, jsonOf } from './answer.ts'
import type { Given, Outcome } from './channel.ts'
import type { AskLine } from './line-api.ts'

/** How often LINE is asked; in between what it said last is told. */
const ASK_AGAIN_MS = 3_600_000
/** More tokens than anybody has. */
const MOST_KEPT = 100

export interface QuotaNotes {
  /** What is left of the month's messages; null: LINE did not say, or there is no limit. */
  noteFor(given: Given, ask: AskLine): Promise<Message | null>
}

export function createQuotaNotes(now: () => number = () => performance.now()): QuotaNotes {
  const kept = new Map<string, { askedAt: number; note: Message | null }>()
  return {
    async noteFor({ options, secrets }, ask) {
      const whose = `${options.endpoint} ${secrets.token}`
      const last = kept.get(whose)
      if (last !== undefined && now() - last.askedAt < ASK_AGAIN_MS) return last.note
      if (kept.size >= MOST_KEPT) kept.clear()
      // Also where it fails: whoever does not answer this need not be asked after each message.
      kept.set(whose, { askedAt: now(), note: null })
      const note = await askedNote(ask)
      kept.set(whose, { askedAt: now(), note })
      return note
    },
  }
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
