import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { userInfo } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { readState, untilState } from '../../support/agent/two-receivers.ts'
import {
  expectPosted,
  factsIn,
  headless,
  postsOfTest,
  receiverConfig,
  untilPosted,
  waitForEnd,
} from '../../support/alerts/headless.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const HOUR_MS = 3_600_000
/** Whatever was to be told has been posted by then. */
const NOTHING_MS = 2_500

test('`holdfast receive`: a secrets file that other users can read or write is refused', async () => {
  const { file, secretsFile } = receiverConfig('http://127.0.0.1:1')
  for (const mode of [0o644, 0o640, 0o602]) {
    chmodSync(secretsFile, mode)
    const { code, out, err } = await waitForEnd(startHoldfast(['receive', '--config', file]))
    expect(code).toBe(1)
    expect(err).toContain(
      `The file of secrets ${secretsFile} can be read by other users. Restrict it: chmod 600.`,
    )
    expect(out + err).not.toContain('very-secret')
  }
})

test('`holdfast failures`: incidents are listed, acknowledged, snoozed and muted', async () => {
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
  expect(await home.says(['failures'])).toBe('No failures recorded.\n')
  expect(await home.incidents()).toEqual([])
  const agent = home.startAgent()
  await until('it runs', () => readState(home.directory))
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

  const stateNow = async () => (await readState(home.directory)).incidents.find(({ id }) => id === about)
  expect(await home.says(['failures', 'acknowledge', about])).toBe('Done.\n')
  const by = userInfo().username
  expect((await stateNow())?.acknowledged).toEqual({ at: expect.any(Number), by })
  expect(await home.says(['failures', 'snooze', about, '1h'])).toBe('Done.\n')
  const snoozedUntil = (await stateNow())?.snoozedUntil ?? 0
  expect(Math.abs(snoozedUntil - Date.now() - HOUR_MS)).toBeLessThan(10_000)
  expect(await home.says(['failures'])).toContain(`by ${by}\n`)
  expect(await home.run(['failures', 'acknowledge', 'nothing-1'])).toMatchObject({ code: 1, out: '' })
  expect(await home.run(['failures', 'snooze', about, '8d'])).toMatchObject({ code: 2, out: '' })

  mkdirSync(photos)
  await untilPosted(posts, 2, 15_000)
  expect(factsIn(posts)[1]?.said).toMatchObject({ what: 'recovered', about })
  expect(await ofPhotos('--lasting')).toEqual([])

  expect(await home.says(['failures', 'mute', photos, '1h'])).toContain(photos)
  expect(await home.run(['failures', 'mute', '/nowhere', '1h'])).toMatchObject({ code: 1, out: '' })
  const mutedUntil = (await readState(home.directory)).settings.alerts.muted.photos ?? 0
  expect(Math.abs(mutedUntil - Date.now() - HOUR_MS)).toBeLessThan(10_000)
  rmSync(photos, { recursive: true })
  await untilState(home.directory, 'it to fail', ({ incidents }) =>
    incidents.some(({ kind, endedAt }) => kind === 'missing' && endedAt === null),
  )
  await delay(NOTHING_MS)
  expectPosted(posts, 2)
  expect(await home.says(['failures', 'unmute'])).toContain(`Still muted: ${photos}.`)
  await home.says(['failures', 'unmute', photos])
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
  const changes = (await home.says(['changes', '--json']))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(changes.map((one) => `${one.by.via} ${one.by.name} ${one.sentence.key}`)).toEqual(
    ['unmute', 'unmuteAll', 'mute', 'snooze', 'acknowledge'].map((name) => `terminal ${by} change.${name}`),
  )
  expect(changes[3].sentence.params.name).toBe(photos)
  expect(await home.run(['failures', 'acknowledge', about])).toMatchObject({
    out: '',
    err: expect.stringContaining('Holdfast is not running'),
  })
  await home.says(['failures', 'mute', photos])
  await home.says(['destinations', 'add', 'folder', temporaryDirectory('disk'), '--name', 'usb'])
  await home.says(['failures', 'mute', 'usb'])
  const [{ id: usb } = expect.fail()] = JSON.parse(await home.says(['destinations', '--json']))
  expect(JSON.parse(await home.says(['channels', '--json'])).muted).toEqual({ photos: null, [usb]: null })
  await home.says(['failures', 'unmute', 'usb'])
  const channels = JSON.parse(await home.says(['channels', '--json']))
  expect(channels.muted).toEqual({ photos: null })
  expect(await home.says(['failures', 'mute', '2h'])).toMatch(/^No notifications until .*failures unmute$/m)
  const muted = JSON.parse(await home.says(['channels', '--json'])).muted['*']
  expect(Math.abs(muted - Date.now() - 2 * HOUR_MS)).toBeLessThan(60_000)
  expect(await home.says(['failures', 'unmute'])).toContain('Notifications are sent again.')
  expect(JSON.parse(await home.says(['channels', '--json'])).muted).toEqual({ photos: null })
  expect(await home.run(['failures', 'mute'])).toMatchObject({ code: 2, out: '' })
  expect(await home.run(['failures', 'mute', '8d'])).toMatchObject({
    code: 2,
    out: '',
    err: expect.stringContaining('It must be a time'),
  })
})
