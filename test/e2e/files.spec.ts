import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { until } from '../support/until.ts'
import { expect, test } from './desktop.ts'

/** Two pages, the second of which is not full. */
const FILES = 40

test('a double click on “Older” turns one page, and “Newer” turns it back', async ({ desktop }) => {
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
  await expect(rows).toHaveCount(30)
  await older.dblclick()
  await expect(rows).toHaveCount(FILES - 30)
  await newer.click()
  await expect(rows).toHaveCount(30)
  await expect(newer).toBeDisabled()
  await rm(source, { recursive: true })
})
