import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Page } from '@playwright/test'
import type { Incident } from '../../core/alerts/incident.ts'
import { canMount } from '../support/faults/mounts.ts'
import { until } from '../support/until.ts'
import { expect, type Running, TREE, test } from './desktop.ts'
import { pictures } from './pictures.ts'
import { openRow } from './sections.ts'

const run = promisify(execFile)

/** Two sources that are checked each second. */
async function twoSources() {
  const root = await mkdtemp(path.join(tmpdir(), 'holdfast-alerts-'))
  const sources = ['photos', 'films'].map((name) => ({ id: name, name, path: path.join(root, name) }))
  for (const source of sources) await mkdir(source.path)
  const settings = { check: { intervalSeconds: 1 }, sources }
  return { settings, directory: path.join(root, 'photos'), remove: () => rm(root, TREE) }
}

const show = (page: Page, name: RegExp) => page.getByRole('tab', { name }).click()
const now = (page: Page) => page.getByRole('region', { name: 'Failing now' })
const past = (page: Page) => page.getByRole('region', { name: 'Events' })

/** Of the disk: that its directory is not watched is another one. */
function missing({ state }: Running) {
  return until('it to be missing', async () => {
    return (await state()).incidents.find(({ kind }) => kind === 'missing') ?? null
  })
}

test('alerts page: a failure is acknowledged, snoozed and muted; snooze and mute can be undone', {
  tag: '@story',
}, async ({ desktop }) => {
  const { settings, directory, remove } = await twoSources()
  const running = await desktop.start({ settings })
  const { page, state } = running
  await show(page, /Alerts/)
  await expect(page.getByText('No failures')).toBeVisible()
  await rm(directory, TREE)
  const row = now(page).getByRole('article', { name: 'photos · Missing' })
  await pictures(page, 'alerts')

  const choose = async (item: string) => {
    await row.getByRole('button', { name: 'Actions for photos · Missing' }).click()
    await page.getByRole('menuitem', { name: item }).click()
  }
  await choose('Snooze for 4 h')
  await expect(row).toContainText('Snoozed until')
  const { snoozedUntil } = await missing(running)
  expect(Math.abs((snoozedUntil ?? 0) - Date.now() - 4 * 3_600_000)).toBeLessThan(60_000)
  await row.getByRole('button', { name: 'End snooze' }).click()
  await expect(row).not.toContainText('Snoozed until')
  expect((await missing(running)).snoozedUntil).toBeNull()

  await choose('Mute until unmuted')
  await expect(row).toContainText('Muted until you unmute it.')
  expect((await state()).settings.alerts.muted).toEqual({ photos: null })
  await page.getByRole('button', { name: 'Unmute photos' }).click()
  await expect(row).not.toContainText('Muted')
  expect((await state()).settings.alerts.muted).toEqual({})

  await page.getByRole('button', { name: 'Mute everything' }).click()
  await pictures(page, 'alerts-mute-all')
  await page.getByRole('menuitem', { name: 'Mute for 1 h' }).click()
  await expect(row).toContainText('Muted until')
  await pictures(page, 'alerts-muted')
  expect(Object.keys((await state()).settings.alerts.muted)).toEqual(['*'])
  await page.getByRole('button', { name: 'Unmute Everything' }).click()
  await expect(row).not.toContainText('Muted')

  await row.getByRole('button', { name: 'Acknowledge' }).click()
  await expect(row).toContainText('Acknowledged at')
  await expect(row.getByRole('button', { name: 'Copy details' })).toBeVisible()
  const { acknowledged } = await missing(running)
  expect(acknowledged?.by).toBe((await run('id', ['-un'])).stdout.trim())
  await pictures(page, 'alerts-acknowledged')

  await mkdir(directory)
  await expect(now(page)).toBeHidden()
  const entry = past(page).getByRole('article', { name: 'photos · Missing' })
  await entry.getByRole('button').click()
  await expect(entry).toContainText(`by ${acknowledged?.by}`)
  await expect(entry).toContainText('System notifications: delivered at')
  await pictures(page, 'timeline')

  const found = past(page).getByRole('article', { name: 'photos · Missing' })
  await past(page).getByRole('radiogroup').getByText('Warning').click()
  await expect(found).toBeHidden()
  await past(page).getByRole('radiogroup').getByText('Critical').click()
  await expect(found).toBeVisible()
  await past(page).getByLabel('Folder').selectOption('films')
  await expect(found).toBeHidden()
  await past(page).getByLabel('Folder').selectOption('photos')
  await past(page).getByRole('searchbox').fill('no such path')
  await expect(past(page).getByText('No matching events.')).toBeVisible()
  await past(page).getByRole('searchbox').fill('holdfast-alerts')
  await expect(found).toBeVisible()
  await remove()
})

/** How many notifications the desktop shows now. */
const displayed = async () => Number((await run('dunstctl', ['count', 'displayed'])).stdout)

test('notification: a click opens its incident and closes it; the recovery is sent even while the incident is shown', {
  tag: '@story',
}, async ({ desktop }) => {
  const { settings, directory, remove } = await twoSources()
  const running = await desktop.start({ settings })
  const { page } = running
  await expect(page.getByRole('article', { name: 'photos' })).toBeVisible()
  await rm(directory, TREE)
  const isMissingPhotos = ({ summary, body }: { summary: string; body: string }) =>
    summary === 'Missing: photos' && body.includes(directory)
  await desktop.notifications.waitFor('missing', isMissingPhotos)
  await page.evaluate(() => window.holdfast.call('hideWindow', {}))
  // It was sent, and is shown a moment later; a click on nothing opens nothing.
  await until('it to be shown', async () => (await displayed()) > 0)
  await run('dunstctl', ['action'])
  // Its incident lasts, and may end when nothing could close it any more.
  await until('the notification to be closed', async () => (await displayed()) === 0)
  await expect(now(page).getByRole('article', { name: 'photos · Missing' })).toHaveAttribute(
    'data-marked',
    'true',
  )

  await pictures(page, 'marked')
  // A window that is in front at a station is nobody who looks at it.
  await until('the window to be in front', () => page.evaluate(() => document.hasFocus()))
  const before = desktop.notifications.all.length
  await mkdir(directory)
  const entry = past(page).getByRole('article', { name: 'photos · Missing' }).first()
  await expect(entry).toContainText(/\d (sec|min)/)
  // A marked one opens by itself, and its deliveries come later: a click on an open one would close it.
  await expect(async () => {
    await openRow(entry)
    await expect(entry).toContainText('Recovery', { timeout: 2_000 })
  }).toPass({ timeout: 60_000 })
  await expect(entry).not.toContainText('not delivered yet')
  await until('its end to be told', () => desktop.notifications.all.length > before)

  const ended = desktop.notifications.all.length
  await rm(directory, TREE)
  await until('another notification', () => desktop.notifications.all.length > ended)
  await until('it to be there', async () => (await displayed()) === 1)
  // Nobody clicks it. It is there for as long as it is true; that it is over goes by itself.
  await mkdir(directory)
  await desktop.notifications.waitFor('its end', ({ summary }) => summary === 'Recovered: photos')
  await until('neither to be there any more', async () => (await displayed()) === 0, 100_000)
  await remove()
})

test('incident of a disk: its details have the cause, the file that may be damaged, and what the kernel reported', async ({
  desktop,
}) => {
  test.skip(!canMount, 'needs root: mounts')
  const disk = await desktop.ext4()
  const photos = path.join(disk.point, 'photos')
  await mkdir(photos)
  await writeFile(path.join(photos, 'harbour.jpg'), 'harbour')
  const { ino } = await stat(path.join(photos, 'harbour.jpg'))
  const before = await desktop.start({
    settings: {
      check: { intervalSeconds: 1 },
      sources: [{ id: 'photos', name: 'photos', path: photos }],
      checkedPaths: [{ id: 'disk', path: disk.point }],
    },
  })
  await until('the file to be sent', async () => (await before.state()).sources[0]?.totals.sentFiles === 1)
  await before.holdfast.close()
  await disk.damage(`set_inode_field <${ino}> checksum 1`)
  const { holdfast, page, state } = await desktop.start()
  const ofDisk = ({ cause, endedAt }: Incident) => cause !== undefined && endedAt === null
  const { id } = await until('its cause', async () => (await state()).incidents.find(ofDisk))
  await show(page, /Alerts/)
  const cause = new RegExp(`ext4 found an error at inode ${ino} of `)
  await expect(now(page).getByText(cause)).toBeVisible()
  const entry = past(page).locator(`[data-incident="${id}"]`)
  await entry.getByRole('button').first().click()
  await expect(entry.getByText(cause)).toBeVisible()
  await entry.getByText('What the system reported').click()
  const file = new RegExp(`^${photos}/harbour.jpg may be damaged.*“Restore files” in Destinations`)
  await expect(entry.getByText(file)).toBeVisible()
  await expect(entry.getByText(`inode #${ino}: comm`)).toBeVisible()
  await pictures(page, 'evidence')
  await entry.getByText('The system’s counters and states').click()
  await expect(entry.getByText(/\/sys\/fs\/ext4\/loop\d+\/first_error_func/)).toBeVisible()
  const row = now(page).locator(`[data-incident="${id}"]`)
  await row.getByRole('button', { name: /^Actions for/ }).click()
  await page.getByRole('menuitem', { name: 'Copy details' }).click()
  await expect(page.getByText('The details are on the clipboard.')).toBeVisible()
  expect(await holdfast.application.evaluate(({ clipboard }) => clipboard.readText())).toContain(
    `${photos}/harbour.jpg may be damaged.`,
  )
})
