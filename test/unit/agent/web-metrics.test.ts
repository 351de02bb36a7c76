import { expect, test } from 'vitest'
import { initialState } from '../../../core/agent/state/next-state.ts'
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

test('metrics: each figure of a destination, a source and a checked path has its line', async () => {
  const empty = initialState('terminal', '1', defaultSettings, '/store')
  const [destination = expect.fail('no destination')] = empty.destinations
  const checked = (kind: string, delayMs: number | null) => ({ at: 7_000, overall: { kind }, delayMs })
  // Only what the page is about.
  const state = {
    ...empty,
    destinations: [
      {
        ...destination,
        connection: { ...destination.connection, state: 'connected' },
        totals: { ...destination.totals, waitingFiles: 2, waitingBytes: 3, parkedFiles: 4 },
        ...{ damaged: { files: 5 }, rate: 6 },
      },
    ],
    sources: [
      {
        settings: { name: 'photos', path: '/data' },
        totals: { sentFiles: 8, sentBytes: 9, deletedFiles: 10 },
        ...{ lastFile: { at: 11_000 }, checked: checked('ok', 12_000) },
      },
    ],
    checkedPaths: [{ path: '/disk', checked: checked('full', null) }],
  } as unknown as typeof empty
  const page = await createMetrics().page(state, {})
  const lines = page
    .split('\n')
    .filter((line) => /^holdfast_agent_(?!incidents|status|durable|worker)\S*\{/.test(line))
  expect(lines.sort()).toEqual(
    [
      'destination_connected{destination="embedded"} 1',
      'waiting_files{destination="embedded"} 2',
      'waiting_bytes{destination="embedded"} 3',
      'given_up_files{destination="embedded"} 4',
      'damaged_files{destination="embedded"} 5',
      'send_bytes_per_second{destination="embedded"} 6',
      'source_sent_files{source="photos"} 8',
      'source_sent_bytes{source="photos"} 9',
      'source_deleted_files{source="photos"} 10',
      'source_last_file_timestamp_seconds{source="photos"} 11',
      'path_usable{path="/data"} 1',
      'path_read_seconds{path="/data"} 12',
      'path_checked_timestamp_seconds{path="/data"} 7',
      'path_usable{path="/disk"} 0',
      'path_read_seconds{path="/disk"} Nan',
      'path_checked_timestamp_seconds{path="/disk"} 7',
    ]
      .map((line) => `holdfast_agent_${line}`)
      .sort(),
  )
})
