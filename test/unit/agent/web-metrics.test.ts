import { expect, test } from 'vitest'
import { initialState } from '../../../core/agent/state/reports.ts'
import { createMetrics } from '../../../core/agent/web/metrics.ts'
import { createDelays } from '../../../core/send/progress/progress.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'

const SECOND_NS = 1_000_000_000n

test('metrics: the oldest waiting file and the delays of each sender are exported as Prometheus expects them', async () => {
  const state = initialState('terminal', '1', defaultSettings, '/store')
  const [destination] = state.destinations
  const delays = createDelays()
  // The second one changed after it was sent, by a clock that was set back.
  const changes = [1_000n, 1_002n, 940n, -1_000_000n].map((second) => ({ ctimeNs: second * SECOND_NS }))
  delays.sent(changes, 1_000_500)
  const metrics = createMetrics()
  const page = await metrics.page(state, {
    [destination?.id ?? '']: { oldestWaitingAt: 1_500, delays: delays.read() },
  })
  expect(page).toContain('holdfast_agent_oldest_waiting_timestamp_seconds{destination="embedded"} 1.5')
  expect(page).toContain('# TYPE holdfast_agent_durable_seconds histogram')
  const buckets = [...page.matchAll(/^holdfast_agent_durable_seconds_bucket\{(.*)\} (\d+)$/gm)]
  expect(buckets.map(([, labels, count]) => `${labels} ${count}`)).toEqual(
    ['1 2', '3 2', '10 2', '30 2', '60 2', '300 3', '1800 3', '3600 3', '21600 3', '86400 3', '604800 3']
      .concat('+Inf 4')
      .map((one) => {
        const [bound, count] = one.split(' ')
        return expect.stringMatching(new RegExp(`le="${bound?.replace('+', '\\+')}".* ${count}$`))
      }),
  )
  expect(page).toMatch(/^holdfast_agent_durable_seconds_count\{destination="embedded"\} 4$/m)
  expect(page).toMatch(/^holdfast_agent_durable_seconds_sum\{destination="embedded"\} 1001061\.5$/m)
  expect(page.match(/^# TYPE /gm)?.length).toBe(new Set(page.match(/^# TYPE \S+/gm)).size)
  // A sender that does not answer has no figures.
  const without = await metrics.page(state, {})
  expect(without).not.toMatch(/^holdfast_agent_(oldest_waiting|durable)\S*\{/m)
})
