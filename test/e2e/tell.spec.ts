import { takeScreenshot } from '../support/desktop/screenshot.ts'
import { until } from '../support/until.ts'
import { expect } from './desktop.ts'
import {
  alertsTab,
  fault,
  formOf,
  formsOf,
  getMessage,
  INTERVAL_SECONDS,
  isStillRunning,
  lineNotify,
  NOTHING_MORE_MS,
  native,
  repair,
  startTelling,
  test,
  waitForNumber,
} from './telling.ts'

test('notifications: a read-only disk with 20 sources gives one per channel, and its recovery one more', async ({
  desktop,
  server,
}) => {
  const disk = await desktop.ext4()
  const running = await startTelling(desktop, lineNotify(server), { directory: disk.point, sources: 20 })
  const { page, state } = running
  expect([...native(desktop), ...server.posts]).toEqual([])

  const faultAt = await fault(disk)
  const shown = await waitForNumber('notification', desktop.notifications.all, 1, 60_000)
  const post = await waitForNumber('request', server.posts, 1, 60_000)
  console.log(
    `after the fault: shown after ${shown.at - faultAt} ms, posted after ${post.at - faultAt} ms; ${shown.summary} | ${shown.body}`,
  )
  // On a busy machine some are checked after it was sent.
  expect(shown.summary).toMatch(/^Read-only: lane-\d\d and \d+ more$/)
  expect(shown.body).toContain(disk.point)
  expect(shown.body).not.toContain('EROFS')
  expect(formsOf('failed')).toContain(formOf(post))
  expect(post.headers.authorization).toBe('Bearer t')
  expect(post.headers['content-type']).toMatch(/^application\/x-www-form-urlencoded\b/)

  await alertsTab(page).click()
  const row = page.getByRole('region', { name: 'Failing now' }).getByRole('article')
  await expect(row).toHaveCount(1)
  await expect(row).toContainText('and 15 more')
  expect(((await row.textContent()) ?? '').split(`${disk.point}/lane-`).length - 1).toBeLessThanOrEqual(8)
  await takeScreenshot(test.info().outputPath('alerts.png'))
  await page.getByRole('tab', { name: /Overview/ }).click()
  await isStillRunning(running, post.at + 2 * INTERVAL_SECONDS * 1000)
  expect([native(desktop).length, server.posts.length]).toEqual([1, 1])

  const wellAt = await repair(disk)
  const recovery = await waitForNumber('notification', desktop.notifications.all, 2, 60_000)
  const secondPost = await waitForNumber('request', server.posts, 2, 60_000)
  console.log(
    `after the repair: shown after ${recovery.at - wellAt} ms, posted after ${secondPost.at - wellAt} ms; ${recovery.summary} | ${recovery.body} | ${getMessage(secondPost)}`,
  )
  expect(recovery.summary).toMatch(/^Recovered: lane-\d\d and 19 more$/)
  const duration = /^“Read-only” has ended\. It began at .+ and lasted (\d+ sec)\.$/.exec(recovery.body)?.[1]
  expect(formsOf(`works again, after ${duration}`)).toContain(secondPost.body)
  await isStillRunning(running, secondPost.at + NOTHING_MORE_MS)
  expect([native(desktop).length, server.posts.length]).toEqual([2, 2])
  const { incidents } = await state()
  expect(incidents.filter(({ told }) => told).map(({ kind }) => kind)).toEqual(['read-only'])
  // While it was not mounted no source could be found: that is one trouble of the disk, too.
  expect(incidents.filter(({ kind }) => kind === 'unwatched').length).toBeLessThanOrEqual(2)
})

test('notifications: a failure and its recovery while the network is down are sent as one summary afterwards', async ({
  desktop,
  server,
}) => {
  const disk = await desktop.ext4()
  const running = await startTelling(desktop, lineNotify(server), { directory: disk.point, sources: 3 })
  const there = async () => (await running.state()).channels.find(({ id }) => id === 'there')
  await server.close()

  const faultAt = await fault(disk)
  const shown = await waitForNumber('notification', desktop.notifications.all, 1, 60_000)
  expect(shown.summary).toMatch(/^Read-only: /)
  await until('an attempt that failed', async () => (await there())?.condition === 'retrying')
  const wellAt = await repair(disk)
  const recovery = await waitForNumber('notification', desktop.notifications.all, 2, 60_000)
  expect(recovery.summary).toMatch(/^Recovered: /)

  await server.listen()
  const listensAt = Date.now()
  const summary = await waitForNumber('request', server.posts, 1, 120_000)
  console.log(
    `offline: shown ${shown.at - faultAt} ms after the fault and ${recovery.at - wellAt} ms after the repair; posted ${summary.at - listensAt} ms after the server was back: ${getMessage(summary)}`,
  )
  const duration = /lasted (\d+ sec)\.$/.exec(recovery.body)?.[1]
  expect(formsOf(`works again, after ${duration}`)).toContain(summary.body)
  await until('nothing to wait', async () => (await there())?.waiting === 0)
  await isStillRunning(running, summary.at + NOTHING_MORE_MS)
  expect([native(desktop).length, server.posts.length]).toEqual([2, 1])
})

test('system notifications: a failure while they are off is not shown later, nor is its recovery', async ({
  desktop,
  server,
}) => {
  const disk = await desktop.ext4()
  const more = { directory: disk.point, sources: 3, notifications: false }
  const running = await startTelling(desktop, lineNotify(server), more)
  await fault(disk)
  const post = await waitForNumber('request', server.posts, 1, 60_000)
  expect(formsOf('failed')).toContain(formOf(post))
  expect(native(desktop)).toEqual([])

  const { page } = running
  await page.evaluate(() => window.holdfast.call('changeSettings', { notifications: true }))
  await repair(disk)
  const recovery = await waitForNumber('request', server.posts, 2, 60_000)
  expect(getMessage(recovery)).toMatch(/\n>>> (?:touch|rm) works again, after \d+ sec$/)
  // They are on: only what nobody was told of is not taken back.
  const tested = await page.evaluate(() => window.holdfast.call('testChannel', { id: 'native' }))
  expect(tested.delivered).toBe(true)
  await waitForNumber('notification', desktop.notifications.all, 1, 60_000)
  await isStillRunning(running, recovery.at + 2 * INTERVAL_SECONDS * 1000)
  expect(native(desktop).map(({ summary }) => summary)).toEqual(['Test from Holdfast'])
  expect(server.posts.length).toBe(2)
})
