import type { StoreLayout } from '../../store/layout.ts'
import type { Floor } from '../../store/limits/rules.ts'
import { englishWords } from '../../words/words.ts'
import type { Receiver } from '../receiver.ts'
import { createLooks, judge } from './health.ts'
import type { Metrics } from './metrics.ts'
import type { Page } from './web.ts'

const OK = 200
const UNAVAILABLE = 503

/** What the receiver shows of itself on loopback. */
export function pagesOf(
  receiver: Receiver,
  layout: StoreLayout,
  metrics: Metrics,
  floor: Floor,
): Record<string, () => Promise<Page>> {
  const looks = createLooks(layout)

  const health = async (): Promise<Page> => {
    const found = await looks()
    const problems = judge(found, receiver, floor).map(englishWords)
    const healthy = problems.length === 0
    const free = found === 'unanswered' ? null : found.free
    const body = { healthy, problems, freeBytes: free, stalledSeconds: Math.round(receiver.stalledMs / 1000) }
    return {
      status: healthy ? OK : UNAVAILABLE,
      type: 'application/json; charset=utf-8',
      body: `${JSON.stringify(body)}\n`,
    }
  }

  return {
    '/metrics': async () => {
      const found = await looks()
      const healthy = judge(found, receiver, floor).length === 0
      return { status: OK, type: metrics.contentType, body: await metrics.page(receiver, found, healthy) }
    },
    '/health': health,
  }
}
