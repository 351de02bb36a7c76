import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Page } from '@playwright/test'
import { takeScreenshot } from '../support/desktop/screenshot.ts'
import { until } from '../support/until.ts'
import { expect, TREE, test } from './desktop.ts'

const FILES = ['one.jpg', 'two.jpg', 'noise.log', 'cache/a.bin', 'cache/b.bin', '.hidden']

/** Names of all files in the embedded receiver's store of one source. */
async function received(dataDirectory: string, name: string): Promise<string[]> {
  const store = path.join(dataDirectory, 'store')
  const [sender] = (await readdir(store)).filter((one) => !one.startsWith('.'))
  if (sender === undefined) return []
  const root = path.join(store, sender, name)
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .toSorted()
}

async function look(page: Page, name: string, theme: 'light' | 'dark', language: 'en' | 'zh-TW') {
  await page.evaluate((changes) => window.holdfast.call('changeSettings', changes), { theme, language })
  await expect(page.locator('html')).toHaveAttribute('lang', language)
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', theme)
  const form = page.locator('form.filters')
  for (const [place, shown] of [
    ['top', form.locator('textarea')],
    ['end', form.locator('button[type=submit]')],
  ] as const) {
    // Cards that come into view are given their height only then: once is not always enough.
    await expect(async () => {
      await shown.scrollIntoViewIfNeeded()
      await expect(shown).toBeInViewport({ ratio: 1, timeout: 500 })
    }).toPass()
    await expect(form.locator('.preview')).toHaveAttribute('aria-busy', 'false')
    await takeScreenshot(test.info().outputPath(`${name}-${theme}-${language}-${place}.png`))
  }
}

test('filters form: a pattern is previewed and saved, and files that it excludes are not sent', async ({
  desktop,
}) => {
  const root = await mkdtemp(path.join(tmpdir(), 'holdfast-filters-'))
  const source = path.join(root, 'photos')
  await mkdir(path.join(source, 'cache'), { recursive: true })
  for (const name of FILES) await writeFile(path.join(source, name), name)
  const { page, state } = await desktop.start({
    settings: { sources: [{ id: 'photos', path: source, name: 'photos' }], pause: { until: null } },
  })
  const waiting = async () => (await state()).totals.waitingFiles
  await until('all files wait', async () => (await waiting()) === FILES.length)

  await page.getByRole('button', { name: 'Open photos' }).click()
  await page.getByText('Rules', { exact: true }).click()
  const part = page.getByRole('region', { name: 'Filters', exact: true })
  const preview = page.getByRole('region', { name: 'With these filters' })

  await test.step('by the keyboard alone: the form opens with its first field focused', async () => {
    await part.getByRole('button', { name: 'Edit…' }).focus()
    await page.keyboard.press('Enter')
    await expect(part.getByRole('textbox', { name: 'Leave out' })).toBeFocused()
    await page.keyboard.type('*.log')
    await page.keyboard.press('Enter')
    await page.keyboard.type('cache/')
  })

  await test.step('the preview says what each pattern would leave out, before anything is saved', async () => {
    await expect(preview.getByText('*.log', { exact: true }).first()).toBeVisible()
    await expect(preview).toContainText(/cache\/\s*2 files/)
    await expect(preview).toContainText(/To be sent, or sent already\s*3 files/)
    await page.keyboard.press('Tab')
    await expect(part.getByRole('button', { name: /^Import/ })).toBeFocused()
    await page.keyboard.press('Tab')
    await expect(part.getByRole('switch', { name: 'Send hidden files' })).toBeFocused()
    await page.keyboard.press('Space')
    await expect(preview).toContainText(/Hidden\s*1 file\b/)
    await preview.getByText('4 examples').click()
    await expect(preview.getByText('cache/a.bin')).toBeVisible()
    expect(await waiting()).toBe(FILES.length)
  })

  await test.step('what cannot be is refused at its field', async () => {
    await part.getByRole('textbox', { name: 'Smallest size' }).fill('5')
    await part.getByRole('textbox', { name: 'Largest size' }).fill('2')
    await expect(part).toContainText('no file would be sent')
    await expect(part.getByRole('button', { name: 'Save' })).toBeDisabled()
    await part.getByRole('textbox', { name: 'Smallest size' }).fill('')
    await part.getByRole('combobox', { name: 'Unit of: Largest size' }).selectOption('MiB')
    await expect(preview).toContainText(/To be sent, or sent already\s*2 files/)
  })

  await test.step('in both languages, light and dark', async () => {
    await look(page, 'filters', 'light', 'en')
    await look(page, 'filters', 'dark', 'zh-TW')
    await look(page, 'filters', 'light', 'zh-TW')
    await look(page, 'filters', 'dark', 'en')
  })

  await test.step('a pattern that can match nothing is refused with what is wrong, and one that matches nothing is named', async () => {
    const patterns = part.getByRole('textbox', { name: 'Leave out' })
    await patterns.fill('*.log\ncache/\n*.[ch')
    await expect(part).toContainText('The pattern *.[ch has a [ that is not closed')
    await expect(part.getByRole('button', { name: 'Save' })).toBeDisabled()
    await patterns.fill('*.log\ncache/\n*.[ch]')
    await expect(preview).toContainText(/\*\.\[ch\]\s*leaves out no file/)
    await patterns.fill('*.log\ncache/')
  })

  await test.step('saved, what waits and is left out waits no more, and is not sent', async () => {
    await part.getByRole('button', { name: 'Save' }).click()
    await expect(part).toContainText('Left out: *.log cache/')
    await expect(part.getByRole('button', { name: 'Edit…' })).toBeFocused()
    await until('two files wait', async () => (await waiting()) === 2)
    await takeScreenshot(test.info().outputPath('saved.png'))
    await page.evaluate(() => window.holdfast.call('resume', {}))
    for (const name of ['late.log', 'cache/late.bin', 'late.jpg'])
      await writeFile(path.join(source, name), name)
    const kept = ['late.jpg', 'one.jpg', 'two.jpg']
    await until('all others arrive', async () =>
      (await received(desktop.dataDirectory, 'photos')).join().includes(kept.join()),
    )
    expect(await received(desktop.dataDirectory, 'photos')).toEqual(kept)
  })
  await rm(root, TREE)
})
