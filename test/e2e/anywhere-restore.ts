import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { until } from '../support/until.ts'
import { readFacts } from './anywhere-files.ts'
import { expect, type Running } from './desktop.ts'
import { pictures } from './pictures.ts'

/** The source's disk is wiped; what is restored through the window is what was there. */
export async function wipeAndRestore(
  { page, state }: Running,
  base: string,
  source: string,
  name: string,
  key?: string,
): Promise<void> {
  const before = await readFacts(source)
  await rm(source, { recursive: true })
  await page.getByRole('button', { name: `Actions for ${name}` }).click()
  await page.getByRole('menuitem', { name: 'Restore…' }).click()
  const rows = page.getByRole('region', { name: 'Files to restore' })
  await rows.getByRole('button', { name: 'photos' }).click()
  await rows.getByRole('button', { name: /^2026/ }).click()
  await expect(rows).toContainText('run.sh')
  await pictures(page, `browse-${name}`)
  await rows.getByRole('textbox', { name: 'Search by name' }).fill('img 0')
  await rows.getByRole('button', { name: 'Search', exact: true }).click()
  await expect(rows).toContainText('2026/spring/IMG 0001.jpg')
  await rows.getByRole('button', { name: 'Restore 1 file…' }).click()
  await expect(page.getByRole('dialog')).toContainText('Only files with “img 0” in their path.')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'All folders' }).click()
  await rows.getByRole('button', { name: 'photos' }).click()
  await rows.getByRole('button', { name: 'Restore all of this…' }).click()
  // The chosen directory keeps its name in another one.
  const to = path.join(base, 'restored/photos')
  await mkdir(path.join(to, '2026'), { recursive: true })
  await writeFile(path.join(to, '2026/run.sh'), 'another one')
  const dialog = page.getByRole('dialog', { name: 'Restore', exact: true })
  await dialog.getByRole('radio', { name: 'Another folder' }).click()
  await dialog.getByRole('textbox', { name: 'Folder' }).fill(path.dirname(to))
  await expect(dialog).toContainText(`Result: ${to}`)
  if (key !== undefined) await dialog.getByLabel('Encryption key').fill(key)
  await pictures(page, `ask-${name}`, 'themes')
  await dialog.getByRole('button', { name: 'Restore', exact: true }).click()
  await until(
    'the restore to end',
    async () => !['running', undefined].includes((await state()).restore?.phase),
  )
  const report = dialog.getByRole('region', { name: 'Progress of the restore' })
  await expect(report).toContainText('3 files restored')
  await expect(report).toContainText(path.join(to, '2026/run.sh'))
  expect(await readFile(path.join(to, '2026/run.sh'), 'utf8')).toBe('another one')
  await report.getByRole('button', { name: 'Replace…' }).click()
  await pictures(page, `replace-${name}`, 'themes')
  const ask = page.getByRole('dialog', { name: 'Replace 1 file?' })
  await ask.getByRole('button', { name: 'Replace', exact: true }).click()
  await expect(report).toContainText(`All 4 files were restored to ${to}.`)
  await expect(report).toContainText('1 file restored')
  await pictures(page, `restored-${name}`)
  expect(await readFacts(to)).toEqual(before)
}
