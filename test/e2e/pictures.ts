import path from 'node:path'
import type { Page } from '@playwright/test'
import { expect } from './desktop.ts'

/**
 * Pictures of the window for somebody to look at, in both themes and languages, where HOLDFAST_PICTURES names a
 * directory; else nothing. Dialogs close when the language changes: `themes` alone keeps what is typed.
 */
export async function pictures(page: Page, name: string, only: 'all' | 'themes' = 'all'): Promise<void> {
  const directory = process.env.HOLDFAST_PICTURES
  if (!directory) return
  const looks = [
    ['light', 'en'],
    ['dark', 'en'],
    ...(only === 'all' ? ([['light', 'zh-TW']] as const) : []),
  ] as const
  for (const [theme, language] of looks) {
    await page.evaluate((given) => window.holdfast.call('changeSettings', given), { theme, language })
    await expect(page.locator(`html[lang="${language}"][data-mantine-color-scheme="${theme}"]`)).toBeVisible()
    const file = path.join(directory, `${name}-${theme}-${language}.png`)
    await page.screenshot({ path: file, animations: 'disabled' })
  }
  const back = { theme: 'system', language: 'system' } as const
  await page.evaluate((given) => window.holdfast.call('changeSettings', given), back)
  await expect(page.locator('html[lang="en"]')).toBeVisible()
}
