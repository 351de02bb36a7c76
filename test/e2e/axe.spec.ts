import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { until } from '../support/until.ts'
import { expect, type Running, TREE, test } from './desktop.ts'
import { lookAt } from './look/look.ts'
import { channelViews, settingViews } from './look/setting.ts'
import { doneViews, firstViews } from './look/starting.ts'
import { alertViews, defineDrag, overviewViews, twentyViews } from './look/watching.ts'
import {
  addSchedule,
  addShelf,
  otherSettings,
  PHOTOS,
  photo,
  sendingWorld,
  watchingWorld,
} from './look/worlds.ts'

// Its pictures are what somebody looks at.
test.use({ trace: 'off' })
test.describe.configure({ timeout: 300_000 })

/** The lists are one stop of the Tab key each; the keys of a desktop application work. */
async function keyboard({ page, holdfast }: Running): Promise<void> {
  const focused = () => page.evaluate(() => document.activeElement?.id ?? '')
  const ids = () =>
    page.getByRole('article').evaluateAll((all) => all.map((one) => one.querySelector('button')?.id ?? ''))
  await page.locator('.source-open').first().focus()
  await page.keyboard.press('ArrowDown')
  expect(await focused()).toBe((await ids())[1])
  // A failure that is noticed meanwhile moves its row to the front.
  await until('the focus on the last row', async () => {
    await page.keyboard.press('End')
    return (await focused()) === (await ids()).at(-1)
  })
  const last = await focused()
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Tab')
  expect(await focused()).toBe(last)
  await page.keyboard.press('Enter')
  await expect(page.locator('.details-title > h2')).toBeFocused()
  await page.keyboard.press('Escape')
  // A failure that was noticed meanwhile moves its row to the front.
  expect(await until('the focus to come back', focused)).toBe(last)
  // A menu and a question that are opened for the first time give the focus back, too.
  const actions = page
    .getByRole('article')
    .first()
    .getByRole('button', { name: /^Actions for/ })
  await actions.focus()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('menuitem').first()).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(actions).toBeFocused()
  await page.keyboard.press('Enter')
  await page.getByRole('menuitem', { name: 'Remove…' }).press('Enter')
  await expect(page.getByRole('dialog')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(actions).toBeFocused()
  for (const [menu, item] of [
    ['Other ways to add', 'Type a path…'],
    ['Pause…', 'For another time…'],
    ['More', 'Log…'],
  ] as const) {
    const button = page.getByRole('button', { name: menu, exact: true })
    await button.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('menuitem', { name: item }).press('Enter')
    await expect(page.getByRole('dialog')).toBeVisible()
    await page.keyboard.press('Escape')
    await expect(button).toBeFocused()
  }
  const checked = page.getByRole('region', { name: 'Only checked' })
  await checked.getByRole('button').first().focus()
  // Its path, which can be copied, comes first.
  for (const key of ['ArrowDown', 'ArrowRight']) await page.keyboard.press(key)
  await expect(checked.getByRole('button', { name: /^Read delays of .*site plans$/ })).toBeFocused()
  await page.keyboard.press('Shift+Tab')
  expect(await checked.evaluate((part) => part.contains(document.activeElement))).toBe(false)
  await page.keyboard.press('Control+,')
  await expect(page.getByRole('tab', { name: /^Settings/ })).toHaveAttribute('aria-selected', 'true')
  await page.keyboard.press('F5')
  await expect(page.getByRole('alert')).toContainText('Every path is being checked.')
  await page.getByRole('alert').getByRole('button').click()
  await page.keyboard.press('Control+w')
  const isVisible = () =>
    holdfast.application.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible())
  await until('the window to be hidden', async () => (await isVisible()) === false)
  await holdfast.application.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.show())
}

/** Twenty sources, and many files of one have lost their content. */
async function moreOfAll({ page, state }: Running, base: string): Promise<void> {
  const folder = path.join(base, 'data/photos/2026/11')
  for (let index = 0; index < PHOTOS; index += 1) await truncate(path.join(folder, photo(index)), 0)
  const more = Array.from({ length: 12 }, (_, index) => path.join(base, `data/camera ${index + 1}`))
  for (const directory of more) await mkdir(directory)
  await page.evaluate(async (paths) => {
    for (const one of paths) await window.holdfast.call('addSource', { path: one })
  }, more)
  const isEmptied = async () =>
    (await state()).incidents.some(({ kind, endedAt }) => kind === 'emptied' && endedAt === null)
  await until('the incident', isEmptied)
}

/** The newest of equally grave failures is the first, and opens by itself. */
async function stayOpen({ page }: Running, fail: () => Promise<void>): Promise<void> {
  const lines = page.getByRole('region', { name: 'Failing now' }).locator('.thing-open')
  const isOpen = () => lines.evaluateAll((all) => all.map((one) => one.ariaExpanded))
  await page.getByRole('tab', { name: /Alerts/ }).click()
  await expect.poll(isOpen).toEqual(['true', 'false'])
  await fail()
  await expect.poll(isOpen).toEqual(['true', 'true', 'false'])
}

test('overview and alerts: all views are free of accessibility violations and fit 200 pixels', async ({
  desktop,
}) => {
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-axe-'))
  const disk = await desktop.ext4()
  const running = await desktop.start({ settings: await watchingWorld(base, disk.point) })
  const { state } = running
  await addShelf(running, base, ['station'])
  await disk.remountAbort()
  await until('the incident', async () => (await state()).status.level === 'failing')
  await test.step('the keyboard reaches everything', () => keyboard(running))
  await defineDrag(running)
  const found = await lookAt(running, [...overviewViews(running, base), ...alertViews(running)])
  await test.step('details stay open when those of a graver failure open', () =>
    stayOpen(running, () => moreOfAll(running, base)))
  found.push(...(await lookAt(running, twentyViews(running))))
  expect(found).toEqual([])
  await rm(base, TREE)
})

test('first run and empty pages: all views are free of accessibility violations and fit 200 pixels', async ({
  desktop,
}) => {
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-first-'))
  const directory = path.join(base, 'photos')
  await mkdir(directory)
  await writeFile(path.join(directory, photo(0)), 'a photo')
  const running = await desktop.start()
  expect(await lookAt(running, [...firstViews(running), ...doneViews(running, directory)])).toEqual([])
  await rm(base, TREE)
})

test('settings page: all views are free of accessibility violations and fit 200 pixels', async ({
  desktop,
}) => {
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-settings-'))
  const running = await desktop.start({ settings: await sendingWorld(base, 2) })
  await addSchedule(running)
  const imported = path.join(base, 'imported.json')
  await writeFile(imported, JSON.stringify(otherSettings))
  const found = await lookAt(running, [...settingViews(running, imported), ...channelViews(running)])
  expect(found).toEqual([])
  await rm(base, TREE)
})
