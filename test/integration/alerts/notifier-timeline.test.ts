// @module-tag story
import { expect, test } from 'vitest'
import type { Incident } from '../../../core/alerts/incident.ts'
import { KEPT_DAYS, type TimelineQuestion } from '../../../core/alerts/incident.ts'
import { openAlertDatabase } from '../../../core/alerts/store/database.ts'
import {
  createIncident,
  createNotice,
  notifierConfig,
  recording,
  telling,
} from '../../support/alerts/notifier-config.ts'
import { databaseFile, type RunningNotifier, startNotifier } from '../../support/alerts/notifier-world.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { until } from '../../support/until.ts'

// What is kept of the past, and how it is asked for.

const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 10, 22, 12)

/** An incident that was noticed so many minutes after the first. */
function noticed(id: string, minutes: number, changes: Partial<Incident> = {}): Incident {
  const at = NOW + minutes * 60_000
  return createIncident(id, { startedAt: at - 1_000, noticedAt: at, ...changes })
}

const ids = async (world: RunningNotifier, question: Partial<TimelineQuestion> = {}) =>
  (await world.page(question)).entries.map(({ incident }) => incident.id)

test('timeline: pages are read newest first', async () => {
  const world = startNotifier(notifierConfig('http://127.0.0.1:1', {}, { file: databaseFile() }))
  expect(await world.page()).toEqual({ entries: [], next: null })
  // Those of one minute are told apart by their ids.
  const incidents = Array.from({ length: 25 }, (_, number) =>
    noticed(`i${String(number).padStart(2, '0')}`, Math.floor(number / 5)),
  )
  await world.notifier.commit(recording(incidents.toReversed()))
  const read: string[] = []
  const sizes: number[] = []
  for (let before: TimelineQuestion['before'] = null; ; ) {
    const { entries, next } = await world.page({ before, most: 8 })
    read.push(...entries.map(({ incident }) => incident.id))
    sizes.push(entries.length)
    if (next === null) break
    before = next
  }
  expect(sizes).toEqual([8, 8, 8, 1])
  expect(read).toEqual(incidents.map(({ id }) => id).toReversed())
  expect((await world.page({ most: 25 })).next).toBeNull()
  expect((await world.page({ most: 24 })).next).toEqual({ at: NOW, id: 'i01' })
})

test('timeline: entries are filtered by severity, kind, source, text, and whether they are ongoing', async () => {
  const world = startNotifier(notifierConfig('http://127.0.0.1:1', {}, { file: databaseFile() }))
  const over = noticed('over', 1)
  await world.notifier.commit(
    recording([
      over,
      noticed('away', 2, { kind: 'unreachable', paths: { d: 'nas-2' }, sources: [] }),
      noticed('both', 3, {
        kind: 'hung',
        paths: { x: '/mnt/Łódź', y: '/mnt/100%_Done' },
        sources: ['x', 'y'],
      }),
      noticed('low', 4, { kind: 'low-space', paths: { s: '/srv/store' }, sources: [] }),
    ]),
  )
  // It is told again, and is over: still one incident, and found by what was part of it.
  await world.notifier.commit(recording([{ ...over, repeats: 1 }]))
  await world.notifier.commit(recording([{ ...over, repeats: 1, endedAt: NOW + 120_000, failing: {} }]))
  expect(await ids(world)).toEqual(['low', 'both', 'away', 'over'])
  expect((await world.page({ lasts: false })).entries).toMatchObject([
    { incident: { id: 'over', repeats: 1, endedAt: NOW + 120_000 }, deliveries: [] },
  ])
  for (const [question, found] of [
    [{ severity: 'critical' }, ['both', 'over']],
    [{ severity: 'warning' }, ['low', 'away']],
    [{ kinds: ['hung', 'low-space'] }, ['low', 'both']],
    [{ kinds: [] }, []],
    [{ source: 'y' }, ['both']],
    [{ source: 'over' }, ['over']],
    [{ source: 'ove' }, []],
    [{ text: 'DATA/ov' }, ['over']],
    [{ text: '%_done' }, ['both']],
    [{ text: '_' }, ['both']],
    [{ text: "'" }, []],
    [{ text: 'Łódź' }, ['both']],
    [{ lasts: true }, ['low', 'both', 'away']],
    [{ lasts: true, severity: 'critical' }, ['both']],
    [{ lasts: false, severity: 'warning' }, []],
    [{ lasts: true, text: '/', most: 1 }, ['low']],
  ] satisfies [Partial<TimelineQuestion>, string[]][]) {
    expect({ question, found: await ids(world, question) }).toEqual({ question, found })
  }
})

test("timeline: each channel's delivery has its state, time and reason", async () => {
  const server = await recordingServer()
  server.answer(({ path }) => {
    if (path === '/busy') return { status: 503, headers: { 'Retry-After': '3600' }, body: 'Later!' }
    return { status: path === '/refusing' ? 403 : 200 }
  })
  const config = notifierConfig(
    server.origin,
    { hook: {}, busy: {}, refusing: {}, grave: { severity: 'critical' }, of: { sources: ['other'] } },
    { file: databaseFile(), native: true },
  )
  const world = startNotifier(config)
  const incident = createIncident('a', { kind: 'unreachable' })
  await world.notifier.commit(recording([incident]))
  const failed = createNotice('failed', incident)
  await world.notifier.commit(telling([failed]))
  const delivered = await world.comesTo('a', 'hook failed delivered')
  await world.comesTo('a', 'native failed delivered')
  await world.comesTo('a', 'refusing failed refused')
  await until('the attempt to be written down', async () => {
    const { attempts } = await world.comesTo('a', 'busy failed waiting')
    return attempts === 1
  })
  expect(delivered).toEqual({
    notice: failed.id,
    what: 'failed',
    channel: 'hook',
    channelName: 'Channel hook',
    state: 'delivered',
    at: failed.at,
    decidedAt: expect.any(Number),
    attempts: 1,
    reason: null,
  })
  expect(delivered.decidedAt).toBeGreaterThanOrEqual(failed.at)
  expect(await world.comesTo('a', 'busy failed waiting')).toMatchObject({
    decidedAt: null,
    reason: { key: 'channel.failing', params: { status: 503, answer: 'Later!' } },
  })
  expect(await world.comesTo('a', 'refusing failed refused')).toMatchObject({
    decidedAt: expect.any(Number),
    reason: { key: 'channel.rejected', params: { status: 403 } },
  })
  // The other channels are not for it.
  expect(await world.deliveries('a')).toHaveLength(4)
  expect(server.requests.map(({ path }) => path).sort()).toEqual(['/busy', '/hook', '/refusing'])
})

test('timeline: entries older than 400 days are pruned, except ongoing incidents and waiting notifications', () => {
  const file = databaseFile()
  const database = openAlertDatabase(file)
  const entry = (id: string, incident: Incident, state: 'waiting' | 'delivered', days: number) => {
    const at = NOW - days * DAY_MS
    const notice = createNotice('failed', incident, { at })
    const rest = { channel: 'hook', channelName: 'Hook', decidedAt: at, attempts: 1, reason: null }
    return { id, notice, state, at, ...rest }
  }
  const daysAgo = (id: string, days: number, isOver = true) => {
    const at = NOW - days * DAY_MS
    return createIncident(id, { startedAt: at, noticedAt: at, endedAt: isOver ? at + 1_000 : null })
  }
  const [old, lasting] = [daysAgo('old', KEPT_DAYS + 1), daysAgo('lasting', KEPT_DAYS + 100, false)]
  const young = daysAgo('young', KEPT_DAYS - 1)
  database.commit({
    ...recording([old, lasting, young]),
    entries: [
      entry('1', old, 'delivered', KEPT_DAYS + 1),
      entry('2', lasting, 'delivered', KEPT_DAYS + 100),
      entry('3', lasting, 'waiting', KEPT_DAYS + 99),
      entry('4', lasting, 'delivered', KEPT_DAYS - 2),
      entry('5', young, 'delivered', KEPT_DAYS - 1),
      entry('6', young, 'delivered', 1),
    ],
  })
  const kept = () => {
    const question = {
      before: null,
      most: 200,
      severity: null,
      kinds: null,
      source: null,
      text: '',
      lasts: null,
    }
    const { entries } = database.page(question)
    return entries.map(({ incident, deliveries }) => [incident.id, deliveries.map(({ state }) => state)])
  }
  const all = kept()
  expect(all.map(([id]) => id)).toEqual(['young', 'old', 'lasting'])
  database.prune(NOW - 200 * DAY_MS)
  expect(kept()).toEqual(all)
  database.prune(NOW)
  expect(kept()).toEqual([
    ['young', ['delivered', 'delivered']],
    ['lasting', ['waiting', 'delivered']],
  ])
  const { waiting, told, seen } = database.load(NOW)
  expect(waiting.map(({ id }) => id)).toEqual(['3'])
  expect(told).toEqual([{ channel: 'hook', about: 'young' }])
  expect(seen).toHaveLength(1)
  database.close()
})
