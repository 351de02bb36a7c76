import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Notifier } from '../../../core/alerts/notifier.ts'
import type { AlertStore } from '../../../core/alerts/store/store.ts'
import {
  createIncident,
  createNotice,
  notifierConfig,
  recording,
  telling,
} from '../../support/alerts/notifier-config.ts'
import { databaseFile, posted, startNotifier } from '../../support/alerts/notifier-world.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

// The disk of the outbox is often the very one that people are to be told of.

describe('notifier without a usable database', () => {
  test.each<[string, (directory: string) => string]>([
    [
      'its directory is a file',
      (directory) => {
        writeFileSync(path.join(directory, 'file'), '')
        return path.join(directory, 'file', 'alerts.db')
      },
    ],
    [
      'its file is a directory',
      (directory) => {
        mkdirSync(path.join(directory, 'alerts.db', 'full'), { recursive: true })
        return path.join(directory, 'alerts.db')
      },
    ],
  ])('each channel still gets its notifications (%s)', async (_, made) => {
    const server = await recordingServer()
    const file = made(temporaryDirectory('notifier'))
    const config = notifierConfig(server.origin, { hook: {} }, { file, native: true })
    const { notifier, shown, logs, states, asides } = startNotifier(config)
    const incident = createIncident('a')
    const failed = createNotice('failed', incident)
    await notifier.commit(recording([incident]))
    await notifier.commit(telling([failed]))
    await until('it to be told', () => server.requests.length === 1 && shown.length === 1)
    await notifier.commit(telling([failed, createNotice('recovered', incident)]))
    await until('its end to be told', () => server.requests.length === 2 && shown.length === 2)
    expect(posted(server.requests)).toEqual(['failed a', 'recovered a'])
    await until('nothing to wait', () => states()[1]?.condition === 'ok' && states()[1]?.waiting === 0)
    // Said once, not with each of them.
    expect(logs.filter((line) => line.startsWith('warn '))).toHaveLength(1)
    expect(asides).toEqual([])
    await expect(notifier.timeline({ before: null, most: 1 } as never)).rejects.toThrow()
  })

  test('each channel still gets its notifications, and each only once (its disk hangs)', {
    tags: 'story',
  }, async () => {
    const server = await recordingServer()
    // As the store is then: no call is answered, and those under way fail when their time is over.
    const underWay: (() => void)[] = []
    const hanging: AlertStore = {
      call: () => new Promise((_, reject) => underWay.push(() => reject(new Error('it has not answered')))),
      close: () => Promise.resolve(false),
    }
    const failCalls = () => {
      for (const fail of underWay.splice(0)) fail()
    }
    const shown: string[] = []
    const notifier = new Notifier(notifierConfig(server.origin, { hook: {} }, { native: true }), hanging, {
      show: ({ title }) => shown.push(title),
      channels: () => undefined,
      log: () => undefined,
      resumed: () => undefined,
    })
    const failed = createNotice('failed', createIncident('a'))
    let isCommitted = false
    const committed = notifier.commit(telling([failed])).then(() => {
      isCommitted = true
    })
    failCalls()
    // Calls one after another would take longer than a person may wait for the notification.
    await until('it to wait for no further call', () => isCommitted)
    await committed
    const failing = setInterval(failCalls, 100)
    onTestFinished(() => clearInterval(failing))
    await until('it to be told', () => server.requests.length === 1 && shown.length === 1)
    await notifier.commit(telling([failed]))
    await notifier.commit(telling([createNotice('failed', createIncident('b'))]))
    await until('the next to be told', () => server.requests.length === 2)
    expect(posted(server.requests)).toEqual(['failed a', 'failed b'])
    await notifier.stop()
  })
})

test('notifier: a file that is not a database is set aside, and a new one is created', async () => {
  const server = await recordingServer()
  const file = databaseFile()
  const garbage = 'This is no database. '.repeat(1_000)
  writeFileSync(file, garbage)
  const config = notifierConfig(server.origin, { hook: {} }, { file })
  const { notifier, asides, comesTo } = startNotifier(config)
  const incident = createIncident('a')
  await notifier.commit(recording([incident]))
  await notifier.commit(telling([createNotice('failed', incident)]))
  await until('it to be told', () => server.requests.length === 1)
  await comesTo('a', 'hook failed delivered')
  expect(asides).toEqual([{ why: 'broken', aside: expect.stringMatching(/\/alerts\.db\.broken-[\dTZ-]+$/) }])
  const [set] = asides
  expect(readFileSync(set?.aside ?? '', 'utf8')).toBe(garbage)
  expect(readdirSync(path.dirname(file)).filter((name) => name.includes('broken'))).toHaveLength(1)
})

test('notifier: a database damaged between two runs is set aside, and no notification is lost', async () => {
  const server = await recordingServer()
  const file = databaseFile()
  const config = notifierConfig(server.origin, { hook: {} }, { file })
  const incident = createIncident('a')
  const before = startNotifier(config)
  await before.notifier.commit(recording([incident]))
  await before.notifier.commit(telling([createNotice('failed', incident)]))
  await before.comesTo('a', 'hook failed delivered')
  await before.notifier.stop()
  // Its header is whole; every page behind it is not.
  const bytes = readFileSync(file)
  expect(statSync(file).size).toBeGreaterThan(8_192)
  writeFileSync(file, bytes.fill('x', 200))
  const after = startNotifier(config)
  const other = createIncident('b')
  await after.notifier.commit(recording([other]))
  await after.notifier.commit(telling([createNotice('failed', other)]))
  await until('it to be told', () => posted(server.requests).includes('failed b'))
  await until('it to be set aside', () => after.asides.length > 0)
  expect(after.asides).toMatchObject([{ why: 'broken' }])
  // What comes next is written into the new one.
  const third = createIncident('c')
  await after.notifier.commit(recording([third]))
  await after.notifier.commit(telling([createNotice('failed', third)]))
  await after.comesTo('c', 'hook failed delivered')
  expect(posted(server.requests)).toEqual(['failed a', 'failed b', 'failed c'])
})

test('notifier: a database found to be damaged during use is set aside, and a new one is used', {
  tags: 'story',
}, async () => {
  const server = await recordingServer()
  const file = databaseFile()
  const config = notifierConfig(server.origin, { hook: {} }, { file })
  const before = startNotifier(config)
  const many = Array.from({ length: 200 }, (_, number) =>
    createIncident(`i${number}`, { group: 'x'.repeat(2_000) }),
  )
  await before.notifier.commit(recording(many))
  await before.notifier.stop()
  // What it is opened by is whole.
  const bytes = readFileSync(file)
  writeFileSync(file, bytes.fill('x', Math.floor((bytes.length * 7) / 8)))
  const after = startNotifier(config)
  // Whoever asks first finds it out.
  await after.page().catch(() => undefined)
  await until('it to be set aside', () => after.asides.length > 0)
  expect(after.asides).toMatchObject([{ why: 'broken' }])
  const incident = createIncident('a')
  await after.notifier.commit(recording([incident]))
  await after.notifier.commit(telling([createNotice('failed', incident)]))
  await after.comesTo('a', 'hook failed delivered')
})

test('notifier: waiting notifications of a database that failed to load are sent once it loads', async () => {
  const server = await recordingServer()
  const [waited, told] = [createNotice('failed', createIncident('a')), createIncident('b')]
  const rest = { channel: 'hook', channelName: 'Hook', decidedAt: null, attempts: 1, reason: null }
  const left = {
    policy: null,
    past: [],
    waiting: [{ id: 'e', notice: waited, state: 'waiting', at: waited.at, ...rest }],
    told: [{ channel: 'hook', about: 'b' }],
    seen: [],
    health: [],
  }
  let loads = 0
  const call = async (name: string) => {
    if (name !== 'load') return null
    loads += 1
    if (loads === 1) throw new Error('it has not answered')
    return left
  }
  const slow: AlertStore = { call: call as AlertStore['call'], close: async () => true }
  const notifier = new Notifier(notifierConfig(server.origin, { hook: {} }), slow, {
    show: () => undefined,
    channels: () => undefined,
    log: () => undefined,
    resumed: () => undefined,
  })
  await notifier.commit(telling([createNotice('failed', createIncident('c'))]))
  await until('what comes now to be told', () => posted(server.requests).includes('failed c'))
  await until('what waited to be told', () => posted(server.requests).includes('failed a'))
  await notifier.commit(telling([waited, createNotice('recovered', told)]))
  await until('the end to be told', () => posted(server.requests).includes('recovered b'))
  expect(posted(server.requests)).toEqual(['failed c', 'failed a', 'recovered b'])
  expect(loads).toBe(2)
  await notifier.stop()
})
