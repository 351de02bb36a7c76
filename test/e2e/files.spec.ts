import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { until } from '../support/until.ts'
import { expect, TREE, test } from './desktop.ts'
import { pictures } from './pictures.ts'

/** Two pages, the second of which is not full. */
const FILES = 120

test('file list: a double click on “Older” turns one page, “Newer” turns back, and a search covers all pages', {
  tag: '@story',
}, async ({ desktop }) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-files-'))
  for (let index = 0; index < FILES; index += 1) await writeFile(path.join(source, `${index}.jpg`), 'x')
  const { page, state } = await desktop.start({
    settings: { sources: [{ id: 's', path: source, name: 'data' }], pause: { until: null } },
  })
  await until('all files wait', async () => (await state()).totals.waitingFiles === FILES)
  await page.getByRole('tab', { name: /Transfers/ }).click()
  const newer = page.getByRole('button', { name: 'Newer' })
  const older = page.getByRole('button', { name: 'Older' })
  const rows = page.locator('ul.files > li')
  await expect(rows).toHaveCount(100)
  await older.dblclick()
  await expect(rows).toHaveCount(FILES - 100)
  await newer.click()
  await expect(rows).toHaveCount(100)
  await expect(newer).toBeDisabled()
  await page.getByRole('searchbox', { name: 'Search by path' }).fill('17.JPG')
  await expect(rows).toHaveCount(2)
  await expect(rows.filter({ hasText: '117.jpg' })).toHaveCount(1)
  // As after the page of a hidden window has ended.
  await page.reload()
  await page.getByRole('tab', { name: /Transfers/ }).click()
  await expect(page.getByRole('searchbox', { name: 'Search by path' })).toHaveValue('17.JPG')
  await expect(rows).toHaveCount(2)
  await rm(source, TREE)
})

test('file list: a group of small files opens wherever its row is pressed', async ({ desktop }) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-groups-'))
  await writeFile(path.join(source, 'large.raw'), Buffer.alloc(2 * 1024 * 1024))
  const { page, state } = await desktop.start({
    settings: { sources: [{ id: 's', path: source, name: 'data' }], scan: { quietSeconds: 0.1 } },
  })
  await until('the large one to be sent', async () => (await state()).totals.sentFiles === 1)
  for (let index = 0; index < 5; index += 1) await writeFile(path.join(source, `${index}.jpg`), 'x')
  await until('all to be sent', async () => (await state()).totals.sentFiles === 6)
  await page.getByRole('tab', { name: /Transfers/ }).click()
  const row = page.locator('ul.files > li').filter({ hasText: '5 small files' })
  await expect(row.getByText('3.jpg')).toBeHidden()
  await row.getByText(/^copied/).click()
  await expect(row.getByText('3.jpg')).toBeVisible()
  await pictures(page, 'file-group', 'themes')
  // The arrow keys go from the group to each of its files, and to the next row where it is folded.
  const file = (name: string) => row.getByRole('button', { name: `Where is ${name}` })
  await row.locator('summary').focus()
  await page.keyboard.press('ArrowDown')
  await expect(file('4.jpg')).toBeFocused()
  await page.keyboard.press('ArrowDown')
  await expect(file('3.jpg')).toBeFocused()
  await page.keyboard.press('ArrowRight')
  await expect(row.getByRole('button', { name: 'Actions for 3.jpg' })).toBeFocused()
  await row.getByText('5 small files').click()
  await expect(row.getByText('3.jpg')).toBeHidden()
  await row.locator('summary').focus()
  await page.keyboard.press('ArrowDown')
  await expect(page.getByRole('button', { name: 'Where is large.raw' })).toBeFocused()
  await rm(source, TREE)
})
