import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { until } from '../support/until.ts'
import { expect, TREE, test } from './desktop.ts'
import { resize, USUAL, WIDE } from './look/look.ts'
import { pictures } from './pictures.ts'
import { openDestination } from './sections.ts'

const FILES = 12

test('destinations page: random files are checked on request, and its card has the result', async ({
  desktop,
}) => {
  test.setTimeout(240_000)
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-samples-'))
  const folder = path.join(base, 'nas')
  mkdirSync(path.join(folder, '.holdfast'), { recursive: true })
  const source = path.join(base, 'photos')
  mkdirSync(source)
  for (let index = 0; index < FILES; index += 1)
    writeFileSync(path.join(source, `IMG_${1000 + index}.CR3`), Buffer.alloc(5000, index))
  try {
    const running = await desktop.start({
      settings: {
        sources: [{ id: 's', path: source, name: 'photos' }],
        destinations: [{ id: 'd', kind: 'folder', name: 'nas', path: folder }],
        check: { intervalSeconds: 1 },
      },
    })
    const { page, state } = running
    const isSent = async () =>
      (await state()).destinations.every(
        ({ totals }) => totals.sentFiles === FILES && totals.waitingFiles === 0,
      )
    await until('all to be sent', isSent)
    await page.getByRole('tab', { name: /Destinations/ }).click()
    const card = await openDestination(page, 'nas')
    const openDialog = async () => {
      await card.getByRole('button', { name: 'Actions for nas' }).click()
      await page.getByRole('menuitem', { name: 'Check copies…' }).click()
    }
    await openDialog()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Check now' }).click()
    await expect(dialog).toContainText('12 in 30 days, all intact', { timeout: 30_000 })
    await expect(dialog).toContainText('with 100%')
    await pictures(page, 'samples-dialog', 'themes')
    await resize(running, WIDE)
    await pictures(page, 'samples-dialog-wide', 'themes')
    await resize(running, USUAL)

    const files = dialog.getByLabel('Files a day')
    await files.fill('5.5')
    await expect(dialog).toContainText('A whole number from 0 to 100,000')
    await files.fill('500')
    await files.press('Enter')
    await until('the limit to be saved', async () => {
      const [destination] = (await state()).settings.destinations
      return destination?.samples?.filesPerDay === 500 && destination.samples.gibPerDay === 10
    })
    await dialog.getByRole('switch').click()
    await expect(files).toBeHidden()
    await until('the samples to be off', async () => {
      const [destination] = (await state()).settings.destinations
      return destination?.samples?.filesPerDay === 0
    })

    // The card shows the findings of a round. The source still has the file, and sends it again.
    const stored = path.join(folder, hostname(), 'photos', 'IMG_1003.CR3')
    const bytes = readFileSync(stored)
    bytes[9] = (bytes[9] ?? 0) ^ 1
    writeFileSync(stored, bytes)
    await dialog.getByRole('button', { name: 'Check now' }).click()
    await expect(dialog).toContainText('24 in 30 days, 1 of them damaged or missing', { timeout: 30_000 })
    await dialog.getByRole('button', { name: 'Close' }).last().click()
    await expect(card).toContainText('24 in 30 days, 1 of them damaged or missing')
    await until('the file to be sent again', () => readFileSync(stored)[9] === 3)
    await pictures(page, 'samples-card')
  } finally {
    await rm(base, TREE)
  }
})
