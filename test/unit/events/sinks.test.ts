import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openAlertDatabase } from '../../../core/alerts/store/database.ts'
import {
  type CloudEvent,
  type Cursor,
  type EventFilter,
  getEventNames,
} from '../../../core/events/cloud-event.ts'
import type { EventLog } from '../../../core/events/event-log.ts'
import type { SinkProgress } from '../../../core/events/event-thread.ts'
import { EventReader } from '../../../core/events/reader.ts'
import { Sinks } from '../../../core/events/sinks.ts'
import { EVENT } from '../../../core/ledger/ledger-messages.ts'
import { eventSinkSchema } from '../../../core/settings/event-sinks.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import { eventsIn } from '../../support/agent/events.ts'
import { type Recorded, recordingServer } from '../../support/servers/recording-server.ts'
import { open } from '../../support/store/ledger.ts'
import { until } from '../../support/until.ts'

// Pauses are short: each test waits for what comes after one.
vi.mock('../../../core/lib/async/backoff.ts', async (original) => {
  const { backoffMs } = await original<typeof import('../../../core/lib/async/backoff.ts')>()
  return { backoffMs: (...words: Parameters<typeof backoffMs>) => backoffMs(...words) / 50 }
})

const names = getEventNames(defaultSettings, 'station', '/data')

/** The log of a ledger, read without a thread, `most` events at a time. `isBroken`: its disk fails. */
function openLog(most = Number.POSITIVE_INFINITY) {
  const { directory, ledger } = open()
  const at = (name: string) => path.join(directory, name)
  const reader = new EventReader({ ledger: at('ledger.db'), alerts: at('alerts.db') })
  const database = new DatabaseSync(at('ledger.db'))
  onTestFinished(() => {
    reader.close()
    database.close()
  })
  const places = new Map<string, SinkProgress>()
  const disk = { isBroken: false }
  const read = async (from: Cursor, filter: EventFilter, limit: number) => {
    if (disk.isBroken) throw new Error('the disk fails')
    return reader.read(from, filter, Math.min(limit, most))
  }
  const log = {
    read,
    async next(from: Cursor, filter: EventFilter, limit: number, signal: AbortSignal, withinMs = 60_000) {
      const until = performance.now() + withinMs
      for (let place = from; ; await delay(10)) {
        signal.throwIfAborted()
        const page = await read(place, filter, limit)
        if (page.events.length > 0 || page.more || performance.now() > until) return page
        place = page.cursor
      }
    },
    progress: async (sink: string) => places.get(sink) ?? null,
    saveProgress: async (sink: string, progress: SinkProgress | null) => {
      if (progress === null) places.delete(sink)
      else places.set(sink, progress)
    },
  } as unknown as EventLog
  return { ledger, database, log, places, disk, alerts: at('alerts.db') }
}

function startSinks(log: EventLog, url: string, since: number, lines: string[] = []): Sinks {
  const sinks = new Sinks(log, { changed: () => undefined, log: (_, line) => lines.push(line) })
  onTestFinished(() => sinks.stop())
  const sink = eventSinkSchema.parse({ id: 'hook', name: 'Hook', kind: 'webhook', since })
  sinks.configure({ sinks: [sink], secrets: { hook: { url } }, proxy: null, computer: 'station', names })
  return sinks
}

test('event sink: events of a ledger that was opened before survive a restart while the server is down', {
  timeout: 60_000,
}, async () => {
  const { ledger, database, log, places } = openLog()
  const server = await recordingServer()
  server.answer({ status: 503 })
  // The numbers of the ledger are behind the time at which the sink was added.
  const since = Date.now() + 600_000
  const first = startSinks(log, server.origin, since)
  await until('the place', () => places.size > 0)
  ledger.recordRestored('d', '/a', Date.now())
  const [attempt] = await until('an attempt', () => server.requests.length > 0 && server.requests)
  expect(attempt && eventsIn(attempt)[0]?.redelivered).toBeUndefined()
  first.stop()
  const number = (since + 1_000) * 1_000
  database.exec(`INSERT INTO event (seq, at, type) VALUES (${number}, ${since}, ${EVENT.opened})`)
  const before = server.requests.length
  server.answer({ status: 204 })
  startSinks(log, server.origin, since)
  ledger.recordRestored('d', '/b', Date.now())
  const delivered = () => server.requests.slice(before).flatMap(eventsIn)
  await until('the new event', () => delivered().some(({ data }) => data.path === '/b'))
  expect(delivered().map(({ data, redelivered = false }) => [data.path, redelivered])).toEqual([
    ['/a', true],
    ['/b', false],
  ])
})

test('event sink: a failure that lasts counts from its first attempt, and is logged once', async () => {
  const { ledger, log } = openLog()
  const server = await recordingServer()
  server.answer({ status: 503 })
  const lines: string[] = []
  const sinks = startSinks(log, server.origin, 0, lines)
  const unused = sinks.states()[0]?.since ?? Number.NaN
  await delay(2)
  ledger.recordRestored('d', '/a', Date.now())
  await until('the failure', () => sinks.states()[0]?.condition === 'retrying')
  const [first] = sinks.states()
  expect(first?.since).toBeGreaterThan(unused)
  await until('two more attempts', () => server.requests.length > 2)
  expect(sinks.states()).toEqual([first])
  expect(lines).toEqual([expect.stringMatching(/^Hook: /)])
})

test('event sink: a server that takes only small batches gets every event, in order', {
  timeout: 90_000,
}, async () => {
  const { ledger, log, places } = openLog()
  const server = await recordingServer()
  server.answer((request) => ({ status: eventsIn(request).length > 3 ? 413 : 204 }))
  const sinks = startSinks(log, server.origin, 0)
  const wanted = Array.from({ length: 8 }, (_, index) => `/${index}`)
  for (const name of wanted) ledger.recordRestored('d', name, Date.now())
  const taken = () => server.requests.map(eventsIn).filter(({ length }) => length <= 3)
  await until('the last event', () => taken().flat().at(-1)?.data.path === '/7')
  expect([...new Set(taken().flatMap((events) => events.map(({ data }) => data.path)))]).toEqual(wanted)
  const last = taken().flat().at(-1)?.cursor
  await until('the place', () => [...places.values()].every(({ cursor }) => cursor === last))
  expect(sinks.states()).toMatchObject([{ condition: 'ok', sentence: null, waitingSince: null }])
})

test('event sink: a refused event waits aside for later ones, survives a restart, and is tried again', {
  timeout: 60_000,
}, async () => {
  // More events follow the refused one than are read with it.
  const { ledger, log, places, alerts } = openLog(2)
  const server = await recordingServer()
  let isMended = false
  const isPoison = ({ data }: CloudEvent) => data.path === '/poison'
  server.answer((request) => ({ status: !isMended && eventsIn(request).some(isPoison) ? 422 : 204 }))
  const isTaken = (request: Recorded) => !eventsIn(request).some(isPoison)
  const taken = () => server.requests.filter(isTaken).flatMap(eventsIn)
  const paths = () => taken().map(({ data }) => data.path)
  const first = startSinks(log, server.origin, 0)
  for (const name of ['/a', '/poison', '/b', '/c']) ledger.recordRestored('d', name, Date.now())
  await until('the later events', () => paths().at(-1) === '/c')
  expect(paths()).toEqual(['/a', '/b', '/c'])
  await until('its state', () => first.states()[0]?.refused === 1)
  expect(first.states()).toMatchObject([
    { condition: 'retrying', sentence: { key: 'channel.refused' }, waitingSince: expect.any(Number) },
  ])
  await until('its place', () => [...places.values()].every(({ refused }) => refused?.length === 1))
  first.stop()
  // The other log may get a row of an earlier time.
  openAlertDatabase(alerts).close()
  const other = new DatabaseSync(alerts)
  other.exec("INSERT INTO event VALUES (1, 1, 'created', '{}')")
  other.close()
  isMended = true
  const requestsBefore = server.requests.length
  const second = startSinks(log, server.origin, 0)
  const [again] = await until('the refused event', () => {
    const later = server.requests.slice(requestsBefore).flatMap(eventsIn)
    return later.length > 0 && later
  })
  expect(again).toMatchObject({ data: { path: '/poison' }, redelivered: true })
  await until('its end', () => [...places.values()].every(({ refused }) => refused === undefined))
  // An event of the other log may be under way still.
  await until('the end of its queue', () => second.states()[0]?.waitingSince === null)
  expect(second.states()).toMatchObject([{ refused: 0, sentence: null, waitingSince: null }])
})

test('event sink: a server that refuses everything for a while gets every event, in order', {
  timeout: 60_000,
}, async () => {
  const { ledger, log } = openLog()
  const server = await recordingServer()
  const taken: unknown[] = []
  let isMended = false
  let isWell = false
  // It is well again from the first event on: one that it took between two refusals would come before the others.
  server.answer((request) => {
    const names = eventsIn(request).map(({ data }) => data.path)
    isWell ||= isMended && names[0] === '/a'
    if (isWell) taken.push(...names)
    return { status: isWell ? 204 : 422 }
  })
  const sinks = startSinks(log, server.origin, 0)
  const wanted = ['/a', '/b', '/c', '/d']
  for (const name of wanted) ledger.recordRestored('d', name, Date.now())
  await until(
    'the refusal of a second event',
    () => server.requests.filter((one) => eventsIn(one).length === 1).length > 2,
  )
  isMended = true
  await until('the last event', () => taken.at(-1) === '/d')
  expect(taken).toEqual(wanted)
  // The server has the last event before the sink has its answer.
  await until('the end of its queue', () => sinks.states()[0]?.waitingSince === null)
  expect(sinks.states()).toMatchObject([{ condition: 'ok', refused: 0 }])
})

test('event sink: a ledger that is replaced while the clock is set back begins with a gap, and none of its events is missed', {
  timeout: 60_000,
}, async () => {
  const { ledger, database, log } = openLog()
  const server = await recordingServer()
  startSinks(log, server.origin, 0)
  ledger.recordRestored('d', '/a', Date.now())
  await until('the first event', () => server.requests.length > 0)
  // The numbers of a new ledger follow its clock.
  database.exec(`DELETE FROM event; INSERT INTO event (seq, at, type) VALUES (1000, 1, ${EVENT.gap}),
    (1001, 1, ${EVENT.restored}), (1002, 1, ${EVENT.restored})`)
  const later = () => server.requests.slice(1).flatMap(eventsIn)
  await until('the events of the new ledger', () => later().length > 2)
  expect(later().map(({ id }) => id)).toEqual(['f1000', 'f1001', 'f1002'])
  expect(later()[0]?.type).toBe('app.holdfast.events.gap')
})

test('event sink: a log that could not be read for a moment leaves no failure', {
  timeout: 60_000,
}, async () => {
  const { log, disk } = openLog()
  const sinks = startSinks(log, 'http://127.0.0.1:1', Date.now())
  const [before] = sinks.states()
  disk.isBroken = true
  await until('the failure', () => sinks.states()[0]?.condition === 'retrying')
  expect(sinks.states()[0]?.sentence?.key).toBe('events.notRead')
  disk.isBroken = false
  await until('the end of the failure', () => sinks.states()[0]?.condition === 'unused')
  expect(sinks.states()).toEqual([before])
})

test('event sinks: a sink that is removed loses its place, and one that stays keeps it', async () => {
  const { log, places } = openLog()
  const sinks = new Sinks(log, { changed: () => undefined, log: () => undefined })
  onTestFinished(() => sinks.stop())
  const [a, b, c] = ['a', 'b', 'c'].map((id) => {
    const sink = eventSinkSchema.parse({ id, name: id, kind: 'webhook', enabled: false })
    places.set(`${id} `, { cursor: '1', attempted: '1' })
    return sink
  })
  const configure = (...kept: (typeof a)[]) => {
    const some = kept.filter((one) => one !== undefined)
    sinks.configure({ sinks: some, secrets: {}, proxy: null, computer: 'station', names })
  }
  configure(a, b, c)
  configure(b)
  expect([...places.keys()]).toEqual(['b '])
})

test('event sinks: a sink begins, ends and begins anew as its settings, its secrets and the proxy do', {
  timeout: 60_000,
}, async () => {
  const { ledger, log } = openLog()
  const servers = await Promise.all([recordingServer(), recordingServer()])
  const [first, second] = servers.map(
    ({ requests }) =>
      () =>
        requests.flatMap(eventsIn).map(({ data }) => data.path),
  )
  const changes: string[][] = []
  const sinks = new Sinks(log, {
    changed: (states) =>
      changes.push(states.map(({ id, condition, secrets }) => [id, condition, ...secrets].join(' '))),
    log: () => undefined,
  })
  onTestFinished(() => sinks.stop())
  const configure = (server: number, enabled: boolean, name = 'Hook') =>
    sinks.configure({
      sinks: [eventSinkSchema.parse({ id: 'hook', name, kind: 'webhook', since: 0, enabled })],
      ...{ secrets: { hook: { url: servers[server]?.origin ?? '' } }, proxy: null },
      ...{ computer: 'station', names },
    })
  configure(0, false)
  await until('the change', () => changes.length > 0)
  expect(changes.at(-1)).toEqual(['hook unused url'])
  ledger.recordRestored('d', '/a', Date.now())
  configure(0, true)
  await until('the first event', () => first?.().includes('/a'))
  // Without a difference it runs on.
  configure(0, true)
  ledger.recordRestored('d', '/b', Date.now())
  await until('the second event', () => first?.().includes('/b'))
  configure(1, true)
  ledger.recordRestored('d', '/c', Date.now())
  await until('the third event', () => second?.().includes('/c'))
  configure(1, false)
  await until('its end', () => changes.at(-1)?.join() === 'hook unused url')
  ledger.recordRestored('d', '/d', Date.now())
  configure(1, true, 'Other')
  await until('the fourth event', () => second?.().includes('/d'))
  // An event whose delivery was under way at a change comes again.
  const once = (paths: (string | undefined)[] = []) => [...new Set(paths)].filter((name) => name !== '/b')
  expect([once(first?.()), once(second?.())]).toEqual([['/a'], ['/c', '/d']])
})

test('event sinks: a test sends one event at once, and says why it was not taken', async () => {
  const { log } = openLog()
  const server = await recordingServer()
  const sinks = new Sinks(log, { changed: () => undefined, log: () => undefined })
  onTestFinished(() => sinks.stop())
  const sink = eventSinkSchema.parse({ id: 'hook', name: 'Hook', kind: 'webhook', enabled: false })
  expect(await sinks.test(sink, 'id')).toMatchObject({ done: false, reason: { key: 'events.noSink' } })
  const secrets = { hook: { url: server.origin } }
  sinks.configure({ sinks: [sink], secrets, proxy: null, computer: 'station', names })
  expect(await sinks.test(sink, 'id')).toEqual({ done: true })
  expect(server.requests.map(eventsIn)).toMatchObject([[{ id: 'id', type: 'app.holdfast.events.test' }]])
  server.answer({ status: 422 })
  expect(await sinks.test(sink, 'id')).toMatchObject({ done: false, isRefused: true })
  server.answer({ status: 503 })
  expect(await sinks.test(sink, 'id')).toMatchObject({ done: false, isRefused: false })
  expect(server.requests).toHaveLength(3)
})
