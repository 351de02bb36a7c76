import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { expect, type Running } from '../desktop.ts'
import { toTop } from './hand.ts'

/** Pictures of every view are kept here, for somebody to look at. */
const PICTURES = process.env.HOLDFAST_PICTURES || path.resolve('test-results/pictures')

export interface View {
  name: string
  /** From the top of the overview, with nothing open, in English. */
  open(): Promise<unknown>
  /** What was done for it is taken back. */
  close?: () => Promise<unknown>
  /** Of a view that is checked already, lower down: for its picture alone. */
  isPart?: true
  /** Its pictures are taken in the smallest window and zoomed, too. */
  isMain?: true
}

const USUAL = { width: 400, height: 640, zoom: 1 }
const SMALLEST = { width: 340, height: 420, zoom: 1 }
/** 200 % in the usual window: 200 CSS pixels. */
const ZOOMED = { ...USUAL, zoom: 2 }

export async function resize({ holdfast, page }: Running, size: typeof USUAL): Promise<void> {
  await holdfast.application.evaluate(({ BrowserWindow }, { width, height, zoom }) => {
    const [window] = BrowserWindow.getAllWindows()
    window?.setContentSize(width, height)
    window?.webContents.setZoomFactor(zoom)
  }, size)
  const width = Math.round(size.width / size.zoom)
  await page.waitForFunction((wanted) => Math.abs(innerWidth - wanted) < 2, width)
}

export async function choose(page: Page, language: 'en' | 'zh-TW', theme: 'light' | 'dark'): Promise<void> {
  await page.evaluate((given) => window.holdfast.call('changeSettings', given), { theme, language })
  await expect(page.locator(`html[lang="${language}"][data-mantine-color-scheme="${theme}"]`)).toBeVisible()
}

/** What fades in or changes its colour does so at once. */
async function standStill(page: Page): Promise<void> {
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.evaluate(() => {
    const still = new CSSStyleSheet()
    still.replaceSync('* { transition: none !important }')
    document.adoptedStyleSheets.push(still)
  })
}

/** What the page knows is on the screen: a frame behind. */
async function settled(page: Page): Promise<void> {
  await expect(page.locator('.mantine-Skeleton-root:visible')).toHaveCount(0)
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
}

/** What stands before everything else: a menu or a dialog. */
const FOREMOST = ['.mantine-Menu-dropdown', '.mantine-Modal-content']

/**
 * What axe-core finds, a line each.
 * @param isSeen the page behind what is open was looked at like this before.
 */
async function violationsOf(page: Page, isSeen: boolean): Promise<string[]> {
  await settled(page)
  const isThere = await page.evaluate(() => 'axe' in window)
  // Half a megabyte, which the page has after the first time.
  const axe = new AxeBuilder({ page, ...(isThere && { axeSource: 'undefined' }) })
    .setLegacyMode()
    .options({ resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } })
  for (const one of isSeen ? FOREMOST : [])
    if (await page.locator(one).last().isVisible()) {
      axe.include(one)
      break
    }
  const { violations } = await axe.analyze()
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} ${target.join(' ')} ${failureSummary}`),
  )
}

/** What is wider than its page or dialog, a line each. */
function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('.page, .mantine-Modal-content, .mantine-Menu-dropdown, .window')]
      .filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth)
      .map(
        (one) => `${one.className} is ${one.scrollWidth} wide, in ${one.clientWidth}; ${innerWidth} pixels`,
      ),
  )
}

/** Closes whatever is open, back to the top of the overview. */
export async function home(page: Page): Promise<void> {
  const dialogs = page.getByRole('dialog')
  for (let pressed = 0; pressed < 2; pressed += 1) await page.keyboard.press('Escape')
  while ((await dialogs.count()) > 0)
    await dialogs
      .locator('.mantine-Modal-close')
      .last()
      .click({ timeout: 2_000 })
      .catch(() => undefined)
  const back = page.locator('.details-title > button:visible').first()
  if (await back.isVisible()) await back.click()
  await page.getByRole('tab').first().click()
  if (await back.isVisible()) await back.click()
  await toTop(page)
}

/** What the window shows; a page that is zoomed is cut wrongly by the browser's own screenshots. */
export async function keepPicture({ holdfast, page }: Running, name: string): Promise<void> {
  await settled(page)
  const made = await holdfast.application.evaluate(async ({ BrowserWindow }) => {
    const image = await BrowserWindow.getAllWindows()[0]?.webContents.capturePage()
    return image?.toPNG().toString('base64') ?? ''
  })
  await mkdir(PICTURES, { recursive: true })
  await writeFile(path.join(PICTURES, `${name}.png`), Buffer.from(made, 'base64'))
}

/**
 * Opens each view and says what is wrong with it: for axe-core, in both themes; and what is too wide at 200 CSS pixels.
 * Its pictures are kept, in both languages and themes; of the main ones in the smallest window and zoomed, too.
 */
export async function lookAt(running: Running, views: readonly View[]): Promise<string[]> {
  const { page } = running
  const found: string[] = []
  await standStill(page)
  for (const view of views) {
    await home(page)
    await view.open()
    const lines = await (view.isPart ? lookAtPart : lookAtAll)(running, view)
    found.push(...lines.map((line) => `${view.name}, ${line}`))
    await view.close?.()
  }
  return found
}

async function lookAtPart(running: Running, { name }: View): Promise<string[]> {
  await keepPicture(running, `${name}-light`)
  await choose(running.page, 'zh-TW', 'dark')
  await keepPicture(running, `${name}-chinese-dark`)
  await choose(running.page, 'en', 'light')
  return []
}

async function lookAtAll(running: Running, { name, isMain }: View): Promise<string[]> {
  const { page } = running
  const found = await violationsOf(page, false)
  await keepPicture(running, `${name}-light`)
  await choose(page, 'zh-TW', 'dark')
  found.push(...(await violationsOf(page, true)))
  await keepPicture(running, `${name}-chinese-dark`)
  if (isMain) {
    await resize(running, SMALLEST)
    await keepPicture(running, `${name}-small-chinese-dark`)
    found.push(...(await tooWide(page)))
  }
  await resize(running, ZOOMED)
  found.push(...(await tooWide(page)))
  await choose(page, 'en', 'light')
  found.push(...(await tooWide(page)))
  if (isMain) {
    // The header goes up with it.
    await page.locator('.page:visible').evaluate((panel) => panel.scrollIntoView())
    await keepPicture(running, `${name}-double`)
    await resize(running, SMALLEST)
    await keepPicture(running, `${name}-small`)
  }
  await resize(running, USUAL)
  return found
}
