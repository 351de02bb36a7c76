import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describeState } from '../../cli/status.ts'
import { readTray, waitForTray } from '../support/desktop/tray.ts'
import { until } from '../support/until.ts'
import { expect } from './desktop.ts'
import { pictures } from './pictures.ts'
import { alertsTab, test } from './telling.ts'

const FILES = 46

test('deleted files: window, tray and status show them, and they are put back or accepted', async ({
  desktop,
  receiver,
}) => {
  const images = path.join(desktop.dataDirectory, 'Images')
  const aside = path.join(desktop.dataDirectory, 'aside')
  await mkdir(images)
  const files = Array.from({ length: FILES }, (_, index) => path.join(images, `IMG_${index}.CR3`))
  for (const file of files) await writeFile(file, `picture ${file}`)
  await cp(images, aside, { recursive: true, preserveTimestamps: true })
  const sources = [{ id: 'images', name: 'Images', path: images }]
  const running = await desktop.start({ settings: { check: { intervalSeconds: 1 }, sources } })
  const { page, state } = running
  const code = await receiver.code()
  await page.evaluate((given) => window.holdfast.call('pair', { code: given }), code)
  const isCounted = async (here: number, deleted: number) => {
    const { totals } = await state()
    return totals.sentFiles === here && totals.deletedFiles === deleted && totals.waitingFiles === 0
  }
  await until('all to be sent', () => isCounted(FILES, 0), 30_000)
  const card = page.getByRole('article', { name: 'Images' })
  const tray = await waitForTray(desktop.bus, { pid: running.holdfast.pid })

  for (const file of files.slice(0, 40)) await rm(file)
  const sentence = '40 of 46 files in Images were deleted.'
  await expect(page.locator('h1')).toHaveText(sentence)
  await expect(page.locator('.header')).toContainText('They are kept at cellar.')
  await expect(card).toContainText('40 deleted here')
  await expect(card.getByTitle('40 deleted here, kept at cellar')).toBeVisible()
  await until('the tray', async () => (await readTray(desktop.bus, tray)).tooltip.includes(sentence))
  const printed = describeState(await state())
  expect(printed[0]).toBe(sentence)
  expect(printed.join('\n')).toMatch(/6 sent .*\n {2}40 deleted here \(.*\), kept at cellar/)
  const told = () => desktop.notifications.all.map(({ summary }) => summary)
  await until('a notification', () => told().includes('Files deleted: Images'))
  await pictures(page, 'deleted-overview')
  await card.getByRole('button').first().click()
  await page.getByText('Files', { exact: true }).click()
  await expect(page.getByText('40, kept at cellar')).toBeVisible()
  await pictures(page, 'deleted-details')
  await page.keyboard.press('Escape')

  await alertsTab(page).click()
  const putBack = page.getByRole('button', { name: 'Put back' })
  await expect(putBack).toBeVisible()
  await pictures(page, 'deleted-alerts')
  await putBack.click()
  await expect(page.getByRole('navigation', { name: 'Where you are' })).toContainText('Images')
  await cp(aside, images, { recursive: true, preserveTimestamps: true, force: false })
  await until('them to be back', () => isCounted(FILES, 0), 20_000)
  await until('the notification of the end', () => told().includes('Recovered: Images'))
  expect(told().filter((one) => one === 'Files deleted: Images')).toHaveLength(1)

  for (const file of files) await rm(file)
  await until('everything to be deleted', () => isCounted(0, FILES))
  await alertsTab(page).click()
  await page.getByRole('button', { name: 'It was intended' }).click()
  const ongoing = async () => (await state()).incidents.filter(({ endedAt }) => endedAt === null)
  await until('the incident to end', async () => (await ongoing()).length === 0)
  expect(await isCounted(0, FILES)).toBe(true)
  await page.getByRole('tab', { name: /Overview/ }).click()
  await expect(card).toContainText(`${FILES} deleted here`)
  await pictures(page, 'deleted-accepted')
})
