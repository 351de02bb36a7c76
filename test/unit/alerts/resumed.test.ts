import { expect, onTestFinished, test } from 'vitest'
import type { OutboxEntry } from '../../../core/alerts/channel-sender.ts'
import type { ChannelState, Notice } from '../../../core/alerts/incident.ts'
import { Notifier } from '../../../core/alerts/notifier.ts'
import { type AlertStore, noAlertStore, type StoreCalls } from '../../../core/alerts/store/store.ts'
import {
  createIncident,
  createNotice,
  notifierConfig,
  telling,
} from '../../support/alerts/notifier-config.ts'
import { posted } from '../../support/alerts/notifier-world.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { until } from '../../support/until.ts'

const entryOf = (channel: string, notice: Notice): OutboxEntry => ({
  ...{ id: `${channel} ${notice.about}`, notice, channel, channelName: channel, state: 'waiting' },
  ...{ at: notice.at, decidedAt: null, attempts: 0, reason: null },
})

test('notifier: each channel continues from its own part of the earlier run', async () => {
  const server = await recordingServer()
  const seen = createNotice('failed', createIncident('seen'))
  const waiting = ['a', 'b'].map((id) =>
    entryOf(id, createNotice('failed', createIncident(`waits-for-${id}`))),
  )
  const left: StoreCalls['load']['output'] = {
    ...{ policy: null, past: [], waiting },
    told: [{ channel: 'a', about: 'told-by-a' }],
    seen: [{ channel: 'a', notice: seen.id }],
    health: [{ id: 'c', condition: 'refused', at: 5, sentence: null }],
  }
  const loaded = Promise.withResolvers<typeof left>()
  const store = {
    ...noAlertStore,
    call: (call: keyof StoreCalls, input: never) =>
      call === 'load' ? loaded.promise : noAlertStore.call(call, input),
  } as AlertStore
  let states: ChannelState[] = []
  const notifier = new Notifier(notifierConfig(server.origin, { a: {}, b: {}, c: {} }), store, {
    ...{ show: () => undefined, resumed: () => undefined, log: () => undefined },
    channels: (now) => {
      states = now
    },
  })
  const failingSince = (id: string) => states.find((one) => one.id === id)?.failingSince
  onTestFinished(async () => void (await notifier.stop()))
  loaded.resolve(left)
  await until('those that waited', () => server.requests.length === 2)
  await until('c to have its failure', () => failingSince('c') === 5 && failingSince('a') === null)
  expect([posted(server.requests, 'a'), posted(server.requests, 'b')]).toEqual([
    ['failed waits-for-a'],
    ['failed waits-for-b'],
  ])
  const recovered = createNotice('recovered', createIncident('told-by-a'))
  const last = createNotice('failed', createIncident('last'))
  await notifier.commit(telling([seen, recovered, last]))
  const arrived = (id: string) => posted(server.requests, id)
  await until('the last ones', () => ['a', 'b', 'c'].every((id) => arrived(id).includes('failed last')))
  expect(arrived('a')).toEqual(['failed waits-for-a', 'recovered told-by-a', 'failed last'])
  expect(arrived('b')).toEqual(['failed waits-for-b', 'failed seen', 'failed last'])
  expect(arrived('c')).toEqual(['failed seen', 'failed last'])
  await until('c to have delivered', () => failingSince('c') === null)
})
