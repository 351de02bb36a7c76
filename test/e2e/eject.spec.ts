import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { canMount } from '../support/faults/mounts.ts'
import { until } from '../support/until.ts'
import { expect, TREE, test } from './desktop.ts'
import { pictures } from './pictures.ts'

test.skip(!canMount, 'mounting needs root')

test('destinations page: the disk of a folder is ejected, its files wait in grey, and it is used again once it is back', async ({
  desktop,
}) => {
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-eject-'))
  try {
    const disk = await desktop.ext4()
    const folder = path.join(disk.point, 'copies')
    mkdirSync(path.join(folder, '.holdfast'), { recursive: true })
    const source = path.join(base, 'photos')
    mkdirSync(source)
    writeFileSync(path.join(source, 'IMG_0001.jpg'), Buffer.alloc(300_000, 1))
    const { page, state } = await desktop.start({
      settings: {
        sources: [{ id: 's', path: source, name: 'photos' }],
        destinations: [{ id: 'usb', kind: 'folder', name: 'usb', path: folder }],
        check: { intervalSeconds: 1 },
      },
    })
    const usb = async () => (await state()).destinations[0]
    await until('the first file', async () => (await usb())?.totals.sentFiles === 1)
    await page.getByRole('tab', { name: /Destinations/ }).click()
    const card = page.getByRole('article', { name: 'usb' })
    const choose = async (item: string) => {
      await page.getByRole('button', { name: 'Actions for usb' }).click()
      await page.getByRole('menuitem', { name: item }).click()
    }
    await choose('Eject…')
    await expect(
      page.getByText('New files wait here, without an alert, until the disk is back.'),
    ).toBeVisible()
    await pictures(page, 'eject-dialog', 'themes')
    await page.getByRole('button', { name: 'Eject', exact: true }).click()
    await expect(page.getByText('usb may be unplugged now.')).toBeVisible({ timeout: 20_000 })
    await pictures(page, 'eject-done', 'themes')
    await page.getByRole('button', { name: 'Close' }).last().click()
    await writeFile(path.join(source, 'IMG_0002.jpg'), Buffer.alloc(300_000, 2))
    await expect(card).toContainText(/ejected · since .*1 waiting/s, { timeout: 20_000 })
    await expect(page.getByRole('status').first()).toContainText('usb is ejected. 1 file waits here.')
    await expect(card.locator('[data-level="failing"], [data-level="attention"]')).toHaveCount(0)
    await pictures(page, 'ejected')
    await page.getByRole('tab', { name: /Overview/ }).click()
    await pictures(page, 'ejected-overview')
    await page.getByRole('tab', { name: /Destinations/ }).click()
    await disk.mountAgain()
    await until('both files', async () => (await usb())?.totals.sentFiles === 2)
    await expect(card).not.toContainText('ejected')

    await choose('Eject…')
    await page.getByRole('button', { name: 'Eject', exact: true }).click()
    await page.getByRole('button', { name: 'Close' }).last().click()
    await card.getByRole('button', { name: 'Use again' }).click()
    await expect(page.getByText('The disk is used again.')).toBeVisible()
    await expect(card).toContainText('Missing', { timeout: 20_000 })
  } finally {
    await rm(base, TREE)
  }
})
