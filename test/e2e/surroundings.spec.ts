import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { readTray, waitForTray } from '../support/desktop/tray.ts'
import { fakeBusctl } from '../support/faults/fake-busctl.ts'
import { until } from '../support/until.ts'
import { expect, test } from './desktop.ts'
import { pictures } from './pictures.ts'
import { openSection } from './sections.ts'

test('metered network: sending waits where the setting is on, and window and tray show why', async ({
  desktop,
}) => {
  const network = fakeBusctl(desktop.dataDirectory)
  network.says(1)
  const lane = path.join(desktop.dataDirectory, 'lane')
  await mkdir(lane)
  const { page, holdfast, state } = await desktop.start({
    settings: { sources: [{ id: 'lane', name: 'lane', path: lane }] },
    env: network.env,
  })
  const tray = await waitForTray(desktop.bus, { pid: holdfast.pid })
  const isSent = (count: number) =>
    until(`${count} files to be sent`, async () => (await state()).totals.sentFiles === count)
  await openSection(page, 'settings.sending')
  const card = page.getByRole('region', { name: 'Sending' })
  const metered = card.getByRole('switch', { name: 'Pause on a metered network' })
  await expect(card.getByRole('switch', { name: 'Pause while on battery' })).not.toBeChecked()
  await expect(metered).not.toBeChecked()
  await writeFile(path.join(lane, 'one'), 'one')
  await isSent(1)

  await metered.click()
  await expect(metered).toBeChecked()
  await writeFile(path.join(lane, 'two'), 'two')
  const sentence = 'Paused: on a metered network. 1 file waits.'
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(sentence)
  const tooltip = async () => (await readTray(desktop.bus, tray)).tooltip
  // Its count is made anew by the minute.
  await until('the tooltip to say it', async () => /^Holdfast: Paused: on a metered/.test(await tooltip()))
  await card.scrollIntoViewIfNeeded()
  await pictures(page, 'surroundings')
  await page.evaluate(() => window.holdfast.call('changeSettings', { language: 'zh-TW' }))
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    '暫停中：正在使用計量付費網路。1 個檔案等待中。',
  )
  await page.evaluate(() => window.holdfast.call('changeSettings', { language: 'en' }))

  await metered.click()
  await isSent(2)
  await expect(page.getByRole('heading', { level: 1 })).not.toHaveText(/^Paused/)
})
