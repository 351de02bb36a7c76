import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { until } from '../support/until.ts'
import { expect, type Running, test } from './desktop.ts'
import { addShelf, seed, viewsOf } from './views.ts'

const PICTURES = process.env.HOLDFAST_PICTURES

/** What axe-core finds, a line each. */
async function violationsOf(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode()
    .options({ rules: { 'target-size': { enabled: true } } })
    .analyze()
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} ${target.join(' ')} ${failureSummary}`),
  )
}

/** What is wider than its page or dialog, a line each. */
function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('.page, .mantine-Modal-content, .window')]
      .filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth)
      .map((one) => `${one.className} is ${one.scrollWidth} wide, in ${one.clientWidth}`),
  )
}

/** Closes whatever is open, back to the top of the overview. */
async function home(page: Page): Promise<void> {
  for (let pressed = 0; pressed < 2; pressed += 1) await page.keyboard.press('Escape')
  const back = page.locator('.details-title > button').first()
  const close = page.getByRole('dialog').locator('.mantine-Modal-close')
  if (await close.isVisible()) await close.click()
  if (await back.isVisible()) await back.click()
  await page.getByRole('tab').first().click()
  if (await back.isVisible()) await back.click()
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(page.getByRole('article').first()).toBeVisible()
  await page
    .locator('.page')
    .first()
    .evaluate((panel) => panel.scrollTo(0, 0))
}

async function choose(page: Page, language: 'en' | 'zh-TW', theme: 'light' | 'dark'): Promise<void> {
  await page.evaluate((given) => window.holdfast.call('changeSettings', given), { theme, language })
  await expect(page.locator(`html[lang="${language}"][data-mantine-color-scheme="${theme}"]`)).toBeVisible()
}

async function resize({ holdfast }: Running, width: number, height: number, zoom: number): Promise<void> {
  await holdfast.application.evaluate(
    ({ BrowserWindow }, size) => {
      const [window] = BrowserWindow.getAllWindows()
      window?.setContentSize(size.width, size.height)
      window?.webContents.setZoomFactor(size.zoom)
    },
    { width, height, zoom },
  )
}

/** A list is one stop of the Tab key; the keys of a desktop application work. */
async function keyboard({ page, holdfast }: Running): Promise<void> {
  const focused = () => page.evaluate(() => document.activeElement?.id ?? '')
  const ids = () =>
    page.getByRole('article').evaluateAll((all) => all.map((one) => one.querySelector('button')?.id ?? ''))
  await page.locator('.source-open').first().focus()
  await page.keyboard.press('ArrowDown')
  expect(await focused()).toBe((await ids())[1])
  await page.keyboard.press('End')
  expect(await focused()).toBe((await ids()).at(-1))
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Tab')
  expect(await focused()).toBe((await ids()).at(-1))
  await page.keyboard.press('Enter')
  await expect(page.getByRole('button', { name: 'Back' })).toBeFocused()
  await page.keyboard.press('Escape')
  expect(await until('the focus to come back', focused)).toBe((await ids()).at(-1))
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

const LOOKS = [
  ['light', 400, 640, 1, 'en', 'light'],
  ['dark', 400, 640, 1, 'en', 'dark'],
  ['chinese', 400, 640, 1, 'zh-TW', 'light'],
  ['chinese-dark', 400, 640, 1, 'zh-TW', 'dark'],
  ['small', 340, 420, 1, 'en', 'light'],
  ['double', 400, 640, 2, 'en', 'light'],
  ['wide', 900, 700, 1, 'en', 'light'],
] as const

/** What the window shows; a page that is zoomed is cut wrongly by the browser's own screenshots. */
async function picture({ holdfast, page }: Running): Promise<Buffer> {
  await expect(page.locator('.mantine-Skeleton-root:visible')).toHaveCount(0)
  // What is on the screen is a frame behind what the page knows.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
  const made = await holdfast.application.evaluate(async ({ BrowserWindow }) => {
    const image = await BrowserWindow.getAllWindows()[0]?.webContents.capturePage()
    return image?.toPNG().toString('base64') ?? ''
  })
  return Buffer.from(made, 'base64')
}

/** Pictures of every view in every look, for somebody to look at. */
async function takeAll(running: Running, directory: string): Promise<void> {
  const { page } = running
  for (const [look, width, height, zoom, language, theme] of LOOKS) {
    await choose(page, language, theme)
    await resize(running, width, height, zoom)
    for (const { name, open } of viewsOf(page, language)) {
      await home(page)
      await open()
      await writeFile(path.join(directory, `${name}-${look}.png`), await picture(running))
    }
  }
}

test('no view, menu or dialog has an accessibility violation, in both themes, and all fits 200 pixels', async ({
  desktop,
}) => {
  test.setTimeout(PICTURES === undefined ? 180_000 : 1_200_000)
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-axe-'))
  const disk = await desktop.ext4()
  const running = await desktop.start({
    settings: await seed(base, disk.point, PICTURES === undefined ? 6 : 18),
  })
  const { page, state } = running
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await addShelf(page, base)
  await until('files to be sent', async () => (await state()).totals.sentFiles > 60, 30_000)
  await disk.remountAbort()
  await until('the incident', async () => (await state()).status.level === 'failing')
  await test.step('the keyboard reaches everything', () => keyboard(running))
  const found: string[] = []
  for (const theme of ['light', 'dark'] as const) {
    await choose(page, 'en', theme)
    // In the dark one at 200 CSS pixels: 340 of the screen, zoomed.
    if (theme === 'dark') await resize(running, 340, 640, 1.7)
    for (const { name, open } of viewsOf(page, 'en')) {
      await home(page)
      await open()
      const violations = [...(await violationsOf(page)), ...(await tooWide(page))]
      found.push(...violations.map((violation) => `${name}, ${theme}: ${violation}`))
    }
  }
  if (PICTURES !== undefined) {
    await takeAll(running, PICTURES)
    await disk.remountFresh()
    await page.evaluate(() => window.holdfast.call('removeDestination', { id: 'nas' }))
    await until('all to be well', async () => (await state()).status.level === 'partial', 30_000)
    await choose(page, 'en', 'light')
    await resize(running, 400, 640, 1)
    await home(page)
    await writeFile(path.join(PICTURES, 'overview-well.png'), await picture(running))
  }
  await rm(base, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  expect(found).toEqual([])
})
