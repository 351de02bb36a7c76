import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { stateSnapshotSchema } from '../../../core/agent/state/schema.ts'
import {
  ended,
  entriesOf,
  expectPosted,
  factsIn,
  formsIn,
  headless,
  postsOfTest,
  untilChecked,
  untilPosted,
} from '../../support/headless.ts'
import { canMount, mountExt4 } from '../../support/mounts.ts'
import { startHoldfast } from '../../support/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { pairWith, stateOf, untilState } from '../../support/two-receivers.ts'
import { until } from '../../support/until.ts'

const INTERVAL_SECONDS = 2
/** What is found out is told within an interval and this. */
const TOLD_WITHIN_MS = INTERVAL_SECONDS * 1000 + 2_000
const HOUR_MS = 3_600_000
/** Whatever was to be told has been posted by then. */
const NOTHING_MS = 2_500

const first = '\n[PROJ_CODE] P-12, in vm-7\n>>> '
const lastedIn = (text: string) => /lasted (\d+ sec)\./.exec(text)?.[1]

/** A fault in the middle of a check has another step of it fail first. */
async function untilBetweenChecks(directory: string): Promise<void> {
  const isOver = async () => {
    const { sources } = await stateOf(directory)
    const ages = sources.map(({ checked }) => Date.now() - (checked?.at ?? 0))
    return ages.every((ms) => ms > 50 && ms < (INTERVAL_SECONDS * 1000) / 2)
  }
  await until('a moment between two checks', isOver, 20_000)
}

describe.skipIf(!canMount)('a disk that fails, without a desktop (needs root: mount)', () => {
  test('is one post in each channel, and one when it is well; late, one of both, also when the notifier is killed', {
    timeout: 120_000,
  }, async () => {
    const disk = await mountExt4(onTestFinished)
    const server = await postsOfTest()
    const { posts } = server
    const sources = Array.from({ length: 20 }, (_, index) => {
      const id = `lane-${String(index + 1).padStart(2, '0')}`
      return { id, name: id, path: path.join(disk.point, id) }
    })
    for (const source of sources) mkdirSync(source.path)
    const channels = [
      { id: 'hook', name: 'Hook', type: 'webhook' },
      { id: 'line', name: 'Line', type: 'line-notify', options: { endpoint: `${server.origin}/notify` } },
    ]
    const home = headless(
      {
        check: { intervalSeconds: INTERVAL_SECONDS },
        sources,
        alerts: { labels: { project: 'P-12', resource: 'vm-7' }, channels },
      },
      { hook: { url: `${server.origin}/hook` }, line: { token: 't-1' } },
    )
    const agent = home.startAgent()
    const isWell = ({ sources: now }: Awaited<ReturnType<typeof stateOf>>) =>
      now.length === 20 &&
      now.every(({ checked, scanned }) => checked?.overall.kind === 'ok' && scanned?.phase === 'watching')
    await until('it runs', () => stateOf(home.directory), 20_000)
    await untilState(home.directory, 'all sources to be well and watched', isWell)
    expectPosted(posts, 0)

    await untilBetweenChecks(home.directory)
    const faultAt = Date.now()
    await disk.remountAbort()
    await untilPosted(posts, 2, 15_000)
    expect(Math.max(...posts.map(({ at }) => at)) - faultAt).toBeLessThanOrEqual(TOLD_WITHIN_MS)
    expect(formsIn(posts)[0]?.said.get('message')).toBe(`${first}touch failed`)
    expect(formsIn(posts)[0]?.headers.authorization).toBe('Bearer t-1')
    const failed = factsIn(posts)[0]?.said
    expect(failed).toMatchObject({
      what: 'failed',
      urgent: true,
      incident: { kind: 'read-only', endedAt: null },
    })
    expect(new Set(failed.incident.paths)).toEqual(new Set(sources.map((source) => source.path)))
    await untilChecked(home.directory, Date.now() + 2 * INTERVAL_SECONDS * 1000)
    expectPosted(posts, 2)

    await disk.remountFresh()
    const wellAt = Date.now()
    await untilPosted(posts, 4, 15_000)
    expect(Math.max(...posts.map(({ at }) => at)) - wellAt).toBeLessThanOrEqual(TOLD_WITHIN_MS)
    const over = factsIn(posts)[1]?.said
    expect(over).toMatchObject({ what: 'recovered', about: failed.about, urgent: false })
    const lastedMs = Date.parse(over.incident.endedAt) - Date.parse(over.incident.startedAt)
    expect(Math.abs(lastedMs - (wellAt - faultAt))).toBeLessThanOrEqual(TOLD_WITHIN_MS)
    const lasted = lastedIn(over.body)
    expect(lasted).toBe(`${Math.floor(lastedMs / 1000)} sec`)
    expect(formsIn(posts)[1]?.said.get('message')).toBe(`${first}touch works again, after ${lasted}`)
    await untilChecked(home.directory, Date.now() + INTERVAL_SECONDS * 1000)
    expectPosted(posts, 4)

    await server.close()
    await untilBetweenChecks(home.directory)
    await disk.remountAbort()
    await untilState(home.directory, 'an attempt of each channel that failed', (now) =>
      ['hook', 'line'].every((id) => now.channels.find((one) => one.id === id)?.condition === 'retrying'),
    )
    const failing = stateSnapshotSchema.shape.state.parse(
      JSON.parse((await home.run(['status', '--json'])).out),
    )
    process.kill(failing.workers.notifier.pid ?? expect.fail('no notifier'), 'SIGKILL')
    await disk.remountFresh()
    const known = await until(
      'that it is over, in both outboxes',
      async () => {
        const [newest] = await home.incidents('--severity', 'critical', '--most', '1', '--text', 'lane-01')
        const ends = newest?.deliveries.filter(
          ({ what, channel }) => what !== 'failed' && channel !== 'native',
        )
        return ends?.length === 2 ? newest : null
      },
      20_000,
    )
    expect(known?.incident).toMatchObject({ kind: 'read-only', endedAt: expect.any(Number) })
    await server.listen()
    await untilPosted(posts, 6, 45_000)
    const late = factsIn(posts)[2]?.said
    expect(late).toMatchObject({ what: 'summary', urgent: false, incident: { id: known?.incident.id } })
    const after = lastedIn(late.body)
    expect(formsIn(posts)[2]?.said.get('message')).toBe(`${first}touch works again, after ${after}`)
    await untilState(home.directory, 'nothing to wait', (now) =>
      now.channels.every(({ waiting }) => waiting === 0),
    )
    await untilChecked(home.directory, Date.now() + INTERVAL_SECONDS * 1000)
    expect([factsIn(posts).length, formsIn(posts).length]).toEqual([3, 3])
    expect(new Set(factsIn(posts).map(({ headers }) => headers['x-holdfast-delivery'])).size).toBe(3)
    expect((await stateOf(home.directory)).workers.notifier).toMatchObject({
      condition: 'running',
      restarts: 1,
    })
    const said = agent.out().match(/Read-only: |Well again: /g)
    expect(said).toEqual(['Read-only: ', 'Well again: ', 'Read-only: ', 'Well again: '])
  })
})

/** What `holdfast receive --config` reads, with one webhook. */
function receiverConfig(origin: string) {
  const base = temporaryDirectory('receive-alerts')
  const file = path.join(base, 'receive.json')
  const secretsFile = path.join(base, 'secrets.json')
  const store = path.join(base, 'store')
  writeFileSync(secretsFile, JSON.stringify({ ops: { url: `${origin}/very-secret` } }), { mode: 0o600 })
  const alerts = {
    secretsFile,
    silentHours: SILENT_MS / HOUR_MS,
    failingMinutes: 0.02,
    channels: [{ id: 'ops', name: 'Operators', type: 'webhook' }],
  }
  const config = { store, host: '127.0.0.1', port: 0, name: 'cellar', alerts }
  writeFileSync(file, JSON.stringify(config))
  return { file, store, secretsFile }
}
const SILENT_MS = 0.003 * HOUR_MS

test('a sender that fails, and one that is killed and left dead, is told by its receiver', {
  timeout: 120_000,
}, async () => {
  const { origin, posts } = await postsOfTest()
  const { file, store } = receiverConfig(origin)
  const receiver = startHoldfast(['receive', '--config', file])
  await until('it listens', () => receiver.err().includes('Receiving on') || null, 20_000)
  const checked = path.join(temporaryDirectory('checked'), 'photos')
  mkdirSync(checked)
  const home = headless({
    check: { intervalSeconds: 1 },
    checkedPaths: [{ id: 'photos', path: checked }],
    send: { retrySeconds: 1 },
  })
  await pairWith({ store }, home.directory, 'station')
  const agent = home.startAgent()
  await until('it runs', () => stateOf(home.directory), 20_000)
  const isThere = ({ destinations, checkedPaths }: Awaited<ReturnType<typeof stateOf>>) =>
    destinations.some(({ name, connection }) => name === 'cellar' && connection.state === 'connected') &&
    checkedPaths[0]?.checked?.overall.kind === 'ok'
  await untilState(home.directory, 'it to be well and connected', isThere)

  rmSync(checked, { recursive: true })
  await untilPosted(posts, 1, 30_000)
  mkdirSync(checked)
  await untilPosted(posts, 2, 30_000)
  const [failing, wellAgain] = factsIn(posts).map(({ said }) => said)
  expect(failing).toMatchObject({
    what: 'failed',
    computer: 'cellar',
    incident: { kind: 'sender-failing', severity: 'critical', paths: ['station'], endedAt: null },
  })
  expect(failing.incident.sentence).toMatch(/^station says: .*photos/)
  expect(wellAgain).toMatchObject({ what: 'recovered', about: failing.about })

  agent.child.kill('SIGKILL')
  const killedAt = Date.now()
  await untilPosted(posts, 3, SILENT_MS + 20_000)
  const silent = factsIn(posts)[2]
  expect(silent?.said).toMatchObject({
    what: 'failed',
    incident: { kind: 'sender-silent', severity: 'critical', paths: ['station'] },
  })
  // A heartbeat before its end it may have been heard last.
  expect((silent?.at ?? 0) - killedAt).toBeGreaterThanOrEqual(SILENT_MS - 6_000)
  await delay(NOTHING_MS)
  expectPosted(posts, 3)

  home.startAgent()
  await untilPosted(posts, 4, 30_000)
  expect(factsIn(posts)[3]?.said).toMatchObject({ what: 'recovered', about: silent?.said.about })
  await delay(NOTHING_MS)
  expectPosted(posts, 4)

  const list = async () => entriesOf((await home.says(['incidents', '--store', store, '--json'])) ?? '')
  const isOver = (await list()).map(({ incident: { kind, endedAt }, deliveries }) => [
    kind,
    endedAt !== null,
    deliveries.map(({ channelName, what, state }) => `${channelName} ${what} ${state}`).sort(),
  ])
  const told = ['Operators failed delivered', 'Operators recovered delivered']
  expect(isOver).toEqual([
    ['sender-silent', true, told],
    ['sender-failing', true, told],
  ])
  receiver.child.kill('SIGTERM')
  expect(await receiver.ended()).toBe(0)
  expect(await list()).toHaveLength(2)
  expect(`${receiver.out()}${receiver.err()}`).not.toContain('very-secret')
})

test('a file of secrets that others can read is refused', async () => {
  const { file, secretsFile } = receiverConfig('http://127.0.0.1:1')
  for (const mode of [0o644, 0o640, 0o602]) {
    chmodSync(secretsFile, mode)
    const { code, out, err } = await ended(startHoldfast(['receive', '--config', file]))
    expect(code).toBe(1)
    expect(err).toContain(
      `The file of secrets ${secretsFile} can be read by others. Make it yours alone: chmod 600.`,
    )
    expect(out + err).not.toContain('very-secret')
  }
})

test('incidents are listed, acknowledged, snoozed and muted from the command line', {
  timeout: 120_000,
}, async () => {
  const { origin, posts } = await postsOfTest()
  const photos = path.join(temporaryDirectory('checked'), 'photos')
  mkdirSync(photos)
  const home = headless(
    {
      check: { intervalSeconds: 1 },
      checkedPaths: [{ id: 'photos', path: photos }],
      alerts: { channels: [{ id: 'hook', name: 'Hook', type: 'webhook' }] },
    },
    { hook: { url: `${origin}/hook` } },
  )
  expect(await home.says(['incidents'])).toBe('Nothing has failed.\n')
  expect(await home.incidents()).toEqual([])
  const agent = home.startAgent()
  await until('it runs', () => stateOf(home.directory), 20_000)
  const isChecked = (kind: string) =>
    untilState(home.directory, kind, (now) => now.checkedPaths[0]?.checked?.overall.kind === kind)
  await isChecked('ok')
  rmSync(photos, { recursive: true })
  await untilPosted(posts, 1, 15_000)
  const about: string = factsIn(posts)[0]?.said.about

  // A computer under load has workers that are late for a moment: these are incidents of their own.
  const ofPhotos = (...words: string[]) => home.incidents('--source', photos, ...words)
  const one = await until('that it was delivered', async () => {
    const [entry, ...others] = await ofPhotos('--lasting', '--severity', 'critical')
    expect(others).toEqual([])
    return entry?.deliveries.every(({ state }) => state === 'delivered') ? entry : null
  })
  expect(one.incident).toMatchObject({ id: about, kind: 'missing', endedAt: null })
  expect(one.deliveries.map(({ channel, what }) => `${channel} ${what}`).sort()).toEqual([
    'hook failed',
    'native failed',
  ])
  expect(await ofPhotos('--severity', 'warning')).toEqual([])
  expect(await ofPhotos('--text', 'nowhere')).toEqual([])

  const stateNow = async () => (await stateOf(home.directory)).incidents.find(({ id }) => id === about)
  expect(await home.says(['incidents', 'acknowledge', about])).toBe('Done.\n')
  const by = userInfo().username
  expect((await stateNow())?.acknowledged).toEqual({ at: expect.any(Number), by })
  expect(await home.says(['incidents', 'snooze', about, '1h'])).toBe('Done.\n')
  const snoozedUntil = (await stateNow())?.snoozedUntil ?? 0
  expect(Math.abs(snoozedUntil - Date.now() - HOUR_MS)).toBeLessThan(10_000)
  expect(await home.says(['incidents'])).toContain(`by ${by}\n`)
  expect(await home.run(['incidents', 'acknowledge', 'nothing-1'])).toMatchObject({ code: 1, out: '' })
  expect(await home.run(['incidents', 'snooze', about, '8d'])).toMatchObject({ code: 2, out: '' })

  mkdirSync(photos)
  await untilPosted(posts, 2, 15_000)
  expect(factsIn(posts)[1]?.said).toMatchObject({ what: 'recovered', about })
  expect(await ofPhotos('--lasting')).toEqual([])

  expect(await home.says(['incidents', 'mute', photos, '1h'])).toContain(photos)
  expect(await home.run(['incidents', 'mute', '/nowhere', '1h'])).toMatchObject({ code: 1, out: '' })
  const mutedUntil = (await stateOf(home.directory)).settings.alerts.muted.photos ?? 0
  expect(Math.abs(mutedUntil - Date.now() - HOUR_MS)).toBeLessThan(10_000)
  rmSync(photos, { recursive: true })
  await untilState(home.directory, 'it to fail', ({ incidents }) =>
    incidents.some(({ kind, endedAt }) => kind === 'missing' && endedAt === null),
  )
  await delay(NOTHING_MS)
  expectPosted(posts, 2)
  await home.says(['incidents', 'unmute', photos])
  await untilPosted(posts, 3, 5_000)
  expect(factsIn(posts)[2]?.said).toMatchObject({ what: 'failed', incident: { kind: 'missing' } })

  const settled = await until('that all was delivered', async () => {
    const all = await ofPhotos()
    return all.every(({ deliveries }) => deliveries.every(({ state }) => state === 'delivered')) ? all : null
  })
  expect(settled.map(({ incident }) => incident.endedAt === null)).toEqual([true, false])
  expect(settled[1]?.incident.acknowledged?.by).toBe(by)
  agent.child.kill('SIGTERM')
  expect(await agent.ended()).toBe(0)
  expect(await ofPhotos()).toEqual(settled)
  expect(await home.run(['incidents', 'acknowledge', about])).toMatchObject({
    out: '',
    err: expect.stringContaining('Holdfast is not running'),
  })
  await home.says(['incidents', 'mute', photos])
  const channels = JSON.parse(await home.says(['channels', '--json']))
  expect(channels.muted).toEqual({ photos: null })
})
