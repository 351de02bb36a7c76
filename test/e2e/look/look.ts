import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { expect, type Running } from '../desktop.ts'
import { toTop } from './hand.ts'

/** Pictures of every view are kept in this directory, for somebody to look at; without it, none. */
const PICTURES = process.env.HOLDFAST_PICTURES

export interface View {
  name: string
  /** From the top of the overview, with nothing open, in English. */
  open(): Promise<unknown>
  /** What was done for it is taken back. */
  close?: () => Promise<unknown>
  /** Of a view that is checked already, lower down: for its picture alone. */
  isPart?: true
  /** Its pictures are taken in the smallest window, zoomed and wide, too. */
  isMain?: true
}

export const USUAL = { width: 400, height: 640, zoom: 1 }
export const WIDE = { width: 1240, height: 800, zoom: 1 }
const SMALLEST = { width: 340, height: 420, zoom: 1 }
/** 200 % in the usual window: 200 CSS pixels. */
export const ZOOMED = { ...USUAL, zoom: 2 }

/** A window with a page. */
export interface Shown {
  holdfast: Pick<Running['holdfast'], 'application'>
  page: Page
}

export async function resize({ holdfast, page }: Shown, size: typeof USUAL): Promise<void> {
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
export async function standStill(page: Page): Promise<void> {
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

/** What language and theme can change of a page that was looked at before. */
const LOOKS = ['color-contrast', 'label-content-name-mismatch', 'link-in-text-block', 'target-size']

/** What stands before the page: the rest of it was looked at by itself. */
const FOREMOST = ['.mantine-Menu-dropdown', '.mantine-Modal-content']

/** What axe-core finds in what is foremost, a line each; of another language and theme only what they can change. */
export async function findViolations(page: Page, isAnotherLook: boolean): Promise<string[]> {
  const isThere = await page.evaluate(() => 'axe' in window)
  // Half a megabyte, which the page has after the first time.
  const axe = new AxeBuilder({ page, ...(isThere && { axeSource: 'undefined' }) })
    .setLegacyMode()
    .options({ resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } })
  const foremost = await page.evaluate((all) => all.find((one) => document.querySelector(one)), FOREMOST)
  if (foremost !== undefined) axe.include(foremost)
  if (isAnotherLook) axe.withRules(LOOKS)
  const { violations } = await axe.analyze()
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} ${target.join(' ')} ${failureSummary}`),
  )
}

/** Lists elements wider than their page, dialog or tab, and dialogs with lines too long to read; a line each. */
export function tooWide(page: Page): Promise<string[]> {
  const parts =
    '.page, .sign-in, .mantine-Modal-content, .mantine-Menu-dropdown, .window, .source, [role="tab"], .counts > :first-child'
  return page.evaluate(
    (selector) =>
      [...document.querySelectorAll(selector)]
        .filter((one) => one.checkVisibility())
        .filter(
          (one) =>
            one.scrollWidth > one.clientWidth || (one.closest('[role="dialog"]') && one.clientWidth > 640),
        )
        .map(
          (one) => `${one.className} is ${one.scrollWidth} wide, in ${one.clientWidth}; ${innerWidth} pixels`,
        ),
    parts,
  )
}

/** Closes whatever is open, back to the top of the overview. */
export async function home(page: Page): Promise<void> {
  await page.keyboard.press('Escape')
  await settled(page)
  const discard = page.getByRole('button', { name: 'Discard', exact: true })
  if (await discard.isVisible()) await discard.click()
  await page.evaluate(() => {
    const open = '.mantine-Modal-close, .details-title > button:first-child, [role="tab"]:first-child'
    for (const button of document.querySelectorAll<HTMLElement>(open)) button.click()
  })
  await expect(page.locator('[role="dialog"], [role="menu"]')).toHaveCount(0)
  await toTop(page)
}

/** What the window shows; a page that is zoomed is cut wrongly by the browser's own screenshots. */
export async function keepPicture({ holdfast, page }: Shown, name: string): Promise<void> {
  await settled(page)
  if (!PICTURES) return
  const made = await holdfast.application.evaluate(async ({ BrowserWindow }) => {
    const image = await BrowserWindow.getAllWindows()[0]?.webContents.capturePage()
    return image?.toPNG().toString('base64') ?? ''
  })
  await mkdir(PICTURES, { recursive: true })
  await writeFile(path.join(PICTURES, `${name}.png`), Buffer.from(made, 'base64'))
}

/**
 * Opens each view and says what is wrong with it: for axe-core, in both themes; and what is too wide at 200 CSS pixels.
 * Its pictures are kept, where somebody wants them, in both languages and themes; of the main ones in the smallest
 * window, zoomed and wide, too.
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
  if (!PICTURES) return []
  await keepPicture(running, `${name}-light`)
  await choose(running.page, 'zh-TW', 'dark')
  await keepPicture(running, `${name}-chinese-dark`)
  await choose(running.page, 'en', 'light')
  return []
}

async function lookAtAll(running: Running, { name, isMain }: View): Promise<string[]> {
  const { page } = running
  await keepPicture(running, `${name}-light`)
  const found = await findViolations(page, false)
  await choose(page, 'zh-TW', 'dark')
  await keepPicture(running, `${name}-chinese-dark`)
  found.push(...(await findViolations(page, true)))
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
    await resize(running, WIDE)
    await keepPicture(running, `${name}-wide`)
    found.push(...(await tooWide(page)))
  }
  await resize(running, USUAL)
  return found
}
