import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from './desktop.ts'
import { pictures } from './pictures.ts'

test('checksums for archives: a choice in the details of a folder is saved at once', async ({ desktop }) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-digests-'))
  const { page } = await desktop.start({
    settings: { sources: [{ id: 'one', path: source, name: 'scans' }] },
  })
  await page.getByRole('article', { name: 'scans' }).click()
  await page.getByText('Rules', { exact: true }).click()
  const part = page.getByRole('group', { name: 'Checksums for archives' })
  const sha256 = part.getByRole('checkbox', { name: 'SHA-256' })
  await expect(sha256).not.toBeChecked()
  await sha256.click()
  await expect(sha256).toBeChecked()
  await part.scrollIntoViewIfNeeded()
  await pictures(page, 'digests', 'themes')
  await part.getByRole('checkbox', { name: 'MD5' }).click()
  await expect(part.getByRole('checkbox', { name: 'MD5' })).toBeChecked()
  await sha256.click()
  await expect(sha256).not.toBeChecked()
  await expect(part.getByRole('checkbox', { name: 'MD5' })).toBeChecked()
})
