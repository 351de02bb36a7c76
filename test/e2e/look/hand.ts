import type { Locator, Page } from '@playwright/test'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { expect } from '../desktop.ts'

/** To the top of the page that is shown. */
export const toTop = (page: Page) =>
  page
    .locator('.page:visible')
    .first()
    .evaluate((panel) => panel.scrollTo(0, 0))

/** The detail of the header is not cut. */
export async function expectWholeDetail(page: Page): Promise<void> {
  const isCut = await page
    .locator('.header-words p')
    .evaluate((one) => one.scrollHeight > one.clientHeight || one.scrollWidth > one.clientWidth)
  expect(isCut).toBe(false)
}

type Params = Record<string, string | number>

/** What a view's buttons, menus and tabs are called, and how they are pressed. */
export function handOn(page: Page) {
  const t = (key: WordKey, params: Params = {}) => englishWords({ key, params })
  const dialog = page.getByRole('dialog')
  const button = (key: WordKey, params?: Params) =>
    page
      .getByRole('button', { name: t(key, params), exact: true })
      .locator('visible=true')
      .first()
  const press = (key: WordKey, params?: Params) => button(key, params).click()
  const tab = async (key: WordKey) => {
    await page.getByRole('tab', { name: new RegExp(`^${t(key)}`) }).click()
    await toTop(page)
  }
  const item = (key: WordKey) => page.getByRole('menuitem', { name: t(key), exact: true }).click()
  /** A text that can be pressed, here or in a dialog. */
  const text = (key: WordKey, within: Page | Locator = page) =>
    within.getByText(t(key), { exact: true }).locator('visible=true').first().click()
  const openMenu = (name: string) => press('window.source.actions', { name })
  const menu = async (name: string, chosen: WordKey) => {
    await openMenu(name)
    await item(chosen)
  }
  const inTab = async (key: WordKey, then: () => Promise<unknown>) => {
    await tab(key)
    await then()
  }
  const field = (key: WordKey) => page.getByLabel(t(key), { exact: true }).locator('visible=true').first()
  const part = (key: WordKey) => page.getByRole('region', { name: t(key), exact: true })
  const scrollTo = (key: WordKey) =>
    part(key).evaluate((element) => element.scrollIntoView({ block: 'start' }))
  return { t, dialog, button, press, tab, item, text, openMenu, menu, inTab, field, part, scrollTo }
}
