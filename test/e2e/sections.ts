import type { Locator, Page } from '@playwright/test'
import type { Section } from '../../core/settings/catalog.ts'

/** Opens a section of the settings. A wide window hides the field that this sets, beside the list. */
export async function openSection(page: Page, section: Section): Promise<void> {
  await page.getByRole('tab').last().click()
  await page.locator('.sections select').selectOption(section, { force: true })
}

/** Opens the details of a destination unless they are open; returns its row. */
export function openDestination(page: Page, name: string): Promise<Locator> {
  return openRow(page.getByRole('article', { name, exact: true }))
}

/** Opens the details of a row unless they are open; returns the row. */
export async function openRow(row: Locator): Promise<Locator> {
  const line = row.locator('.thing-open')
  if ((await line.getAttribute('aria-expanded')) === 'false') await line.click()
  return row
}

/** Unfolds or folds a part of a folder's details; it stays so for the next folder. */
export async function unfold(page: Page, name: string, isOpen = true): Promise<void> {
  const fold = page.getByRole('region', { name, exact: true }).locator('> details')
  if (((await fold.getAttribute('open')) === null) === isOpen) await fold.locator('> summary').click()
}
