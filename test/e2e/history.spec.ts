import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { HistoryStore, type KeptCheck } from '../../core/check/history/history-store.ts'
import { message } from '../../core/lib/i18n/message.ts'
import { takeScreenshot } from '../support/desktop/screenshot.ts'
import { expect, test } from './desktop.ts'

const SOURCE = { id: 'photos', name: 'photos' }
const MINUTE = 60_000
const DAYS = 3

/** Three days of checks every 30 seconds, with a bad quarter of an hour yesterday and a pause before that. */
function fillHistory(file: string, now: number): void {
  const store = new HistoryStore(file, () => undefined)
  const times: number[] = []
  for (let at = now - DAYS * 1440 * MINUTE; at < now; at += MINUTE / 2) times.push(at)
  const isPause = (at: number) => at > now - 2 * 1440 * MINUTE && at < now - 1.5 * 1440 * MINUTE
  const isBad = (at: number) => at >= now - 600 * MINUTE && at < now - 585 * MINUTE
  const delay = (at: number) =>
    4 + 2 * Math.sin(at / (400 * MINUTE)) + (at % 13) / 20 + (at % 47 === 0 ? 20 : 0)
  const checkAt = (at: number): KeptCheck =>
    isBad(at)
      ? { id: SOURCE.id, at, kind: 'hung', delayMs: null }
      : { id: SOURCE.id, at, kind: 'ok', delayMs: delay(at) }
  store.write(times.filter((at) => !isPause(at)).map(checkAt), now)
  // Each write sums up one minute of what is older than a day.
  for (let step = 0; step < DAYS * 1440; step += 1) store.write([], now)
  store.close()
}

// On a busy machine some checks of this run can fail, too.
for (const [language, theme, [fold, hour, day, month], words] of [
  ['en', 'light', ['Measurements', 'Hour', 'Day', 'Month'], /Read delay of [\d,]+ checks.*failed [3-9]\d/],
  ['zh-TW', 'dark', ['量測數據', '一小時', '一天', '一個月'], /次檢查的讀取延遲.*失敗 [3-9]\d 次/],
] as const) {
  test(`check history: the plot of a source shows hour, day and month (${language}, ${theme})`, async ({
    desktop,
  }) => {
    const source = path.join(desktop.dataDirectory, 'photos')
    await mkdir(source)
    fillHistory(path.join(desktop.dataDirectory, 'history.db'), Date.now())
    const settings = {
      language,
      theme,
      check: { intervalSeconds: 1 },
      sources: [{ ...SOURCE, path: source }],
    }
    const { page } = await desktop.start({ settings })
    await page.getByRole('article', { name: 'photos' }).getByRole('button').first().click()
    await page.getByText(fold, { exact: true }).click()
    const plot = page.getByRole('figure').getByRole('img')
    const checksIn = async () =>
      Number(/[\d,]+/.exec((await plot.getAttribute('aria-label')) ?? '')?.[0].replace(',', ''))
    await expect(plot).toBeVisible()
    await expect.poll(checksIn, 'the last hour and the checks of this run').toBeGreaterThan(120)
    await takeScreenshot(test.info().outputPath('hour.png'))
    await page.getByText(day, { exact: true }).click()
    await expect(plot).toHaveAttribute('aria-label', words)
    await takeScreenshot(test.info().outputPath('day.png'))
    await page.getByText(month, { exact: true }).click()
    await expect.poll(checksIn, 'three days').toBeGreaterThan(2880)
    await takeScreenshot(test.info().outputPath('month.png'))
    await page.getByText(hour, { exact: true }).click()
    await expect.poll(checksIn, 'the last hour again').toBeLessThan(2880)
  })
}

test('check history and file list: a read error is shown with its reason, and the read is retried', async ({
  desktop,
}) => {
  const source = path.join(desktop.dataDirectory, 'photos')
  await mkdir(source)
  // Neither another check nor another file asks again.
  const settings = { check: { intervalSeconds: 3600 }, sources: [{ ...SOURCE, path: source }] }
  const { page, holdfast } = await desktop.start({ settings })
  const away = message('problem.other', { reason: 'its disk is away.' })
  await holdfast.application.evaluate(({ ipcMain }, sentence) => {
    const answers = {
      checkHistory: { points: [{ at: Date.now(), count: 7, kinds: { ok: 7 }, delays: null }], spanMs: 0 },
      files: { files: [], older: null },
    }
    for (const [name, output] of Object.entries(answers)) {
      let asked = 0
      ipcMain.removeHandler(name)
      ipcMain.handle(name, () => (asked++ === 0 ? { sentence } : { output }))
    }
  }, away)
  await page.locator('#open-photos').click()
  await page.getByText('Measurements', { exact: true }).click()
  const history = page.getByText('The checks so far could not be read: its disk is away.')
  const list = page.getByText('The list could not be read: its disk is away.')
  await expect(history).toBeVisible()
  await expect(page.getByRole('figure')).toContainText('Read delay of 7 checks')
  await page.getByText('Files', { exact: true }).click()
  await expect(list).toBeVisible()
  await takeScreenshot(test.info().outputPath('away.png'))
  await expect(page.getByText('No files yet.')).toBeVisible()
  await expect(history.or(list)).toBeHidden()
})

test('check history: a path that is only checked opens the plot of its delays', { tag: '@story' }, async ({
  desktop,
}) => {
  const settings = { check: { intervalSeconds: 1 }, checkedPaths: [{ id: 'c', path: desktop.dataDirectory }] }
  const { page } = await desktop.start({ settings })
  const row = page.getByRole('region', { name: 'Only checked' })
  await row.getByRole('button', { name: `Read delays of ${desktop.dataDirectory}` }).click()
  await expect(row.getByRole('figure')).toContainText(/Read delay of [2-9] checks/)
  await takeScreenshot(test.info().outputPath('checked.png'))
})
