import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { exampleNotice } from '../../core/alerts/incident.ts'
import { openAlertDatabase } from '../../core/alerts/store/database.ts'
import { openLedger } from '../../core/ledger/ledger.ts'
import { message } from '../../core/lib/i18n/message.ts'
import { getLastPeriod, getLocalZone, getPresentPeriod } from '../../core/report/period.ts'
import { answerDialogs } from '../support/desktop/dialog.ts'
import { until } from '../support/until.ts'
import { expect, TREE, test } from './desktop.ts'
import { findViolations, keepPicture, resize, tooWide, USUAL, WIDE, ZOOMED } from './look/look.ts'
import { pictures } from './pictures.ts'
import { openSection } from './sections.ts'

const PATTERN = '{YYYY}{MM}{DD}-{HH}.dat'
const HOUR_MS = 3_600_000
const MISSING = 30

test('report: the last month is shown with its missing files, is searched, and saved as HTML, CSV and PDF', async ({
  desktop,
}) => {
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-report-'))
  const source = path.join(base, 'station')
  await mkdir(source)
  await writeFile(path.join(source, 'file'), 'data')
  const { from, name } = getLastPeriod('month', Date.now(), getLocalZone())
  const ledger = openLedger(path.join(desktop.dataDirectory, 'ledger.db'))
  const files = Array.from({ length: 100 }, (_, index) => {
    const start = from + index * HOUR_MS
    const due = start + HOUR_MS
    const arrivedAt = index < MISSING ? null : index < 50 ? due + 60_000 : due - 60_000
    return { start, due, path: `2026-${String(index).padStart(3, '0')}.dat`, arrivedAt, tooSmall: null }
  })
  ledger.recordExpected('one', PATTERN, files)
  ledger.close()
  const alerts = openAlertDatabase(path.join(desktop.dataDirectory, 'alerts.db'))
  const incident = { ...exampleNotice('failed', from + HOUR_MS).incident, endedAt: from + 3 * HOUR_MS }
  const cause = [
    message('cause.ataResetRepeated', { device: 'ata3', count: 4, span: 38_000 }),
    message('cause.stoppedWriting', { type: 'ext4' }),
  ]
  const said = 'status.disk.read-only'
  const reported = ['roof', 'shed', 'cellar'].map((name) => ({
    ...{ ...incident, id: name, kind: 'sender-failing' as const, cause },
    ...{ group: `sender:failing:${name}`, paths: { [`sender:failing:${name}`]: name } },
    sentence: message('transfer.senderReports', { sender: name, said, name: 'data' }),
  }))
  alerts.commit({ policy: null, incidents: [incident, ...reported], entries: [] })
  alerts.close()
  const running = await desktop.start({
    settings: { sources: [{ id: 'one', path: source, name: 'station' }] },
  })
  const { page, holdfast } = running
  await page.getByRole('tab', { name: 'Transfers' }).click()
  await page.getByText('Report', { exact: true }).click()
  const head = page.getByRole('region', { name: 'Report', exact: true })
  await expect(head.getByText('70 of 100 expected files arrived, 20 of them late.')).toBeVisible({
    timeout: 60_000,
  })
  await expect(head.getByRole('combobox', { name: 'Period' })).toHaveValue(name)
  await expect(page.getByRole('region', { name: 'Failures', exact: true })).toContainText('2 hr')
  const causes = page.getByRole('region', { name: 'Causes of disk failures' })
  await expect(
    causes.getByRole('row', { name: /Read-only Times 3 of 4 Computers 3 .*ATA port ata3/ }),
  ).toBeVisible()
  await pictures(page, 'report')
  await resize(running, WIDE)
  await pictures(page, 'report-wide')
  await causes.scrollIntoViewIfNeeded()
  await pictures(page, 'report-causes')
  await resize(running, { width: 700, height: 800, zoom: 1 })
  await pictures(page, 'report-700')
  await resize(running, ZOOMED)
  expect(await tooWide(page)).toEqual([])
  await keepPicture(running, 'report-zoomed')
  await resize(running, USUAL)
  expect(await findViolations(page, false)).toEqual([])

  await test.step('missing files are listed in pages, and found by a search', async () => {
    const missing = page.getByRole('region', { name: 'Missing files' })
    await expect(missing.getByRole('row')).toHaveCount(1 + 20)
    await missing.scrollIntoViewIfNeeded()
    await pictures(page, 'report-missing')
    await missing.getByRole('button', { name: 'Show 10 more' }).click()
    await expect(missing.getByRole('row')).toHaveCount(1 + MISSING)
    await missing.getByRole('searchbox').fill('2026-017')
    await expect(missing.getByRole('row')).toHaveCount(2)
    await missing.getByRole('searchbox').fill('nothing')
    await expect(missing.getByText('No entry matches.')).toBeVisible()
  })

  await test.step('late files are listed with their delay', async () => {
    const late = page.getByRole('region', { name: 'Late files' })
    await expect(late.getByRole('row')).toHaveCount(1 + 20)
    await expect(late.getByRole('row', { name: '2026-030.dat' })).toContainText('1 min')
    await late.scrollIntoViewIfNeeded()
    await pictures(page, 'report-late')
  })

  await test.step('another period is chosen', async () => {
    await head.getByRole('combobox', { name: 'Period' }).selectOption({ index: 0 })
    await expect(head.getByText('The period has not ended.')).toBeVisible({ timeout: 60_000 })
    await head.getByRole('combobox', { name: 'Period' }).selectOption(name)
    await expect(head.getByText('70 of 100 expected files arrived')).toBeVisible({ timeout: 60_000 })
  })

  await test.step('the report is saved', async () => {
    for (const format of ['html', 'csv', 'pdf'] as const) {
      const file = path.join(base, `report.${format}`)
      await answerDialogs(holdfast.application, file)
      await head.getByRole('button', { name: `Save as ${format.toUpperCase()}` }).click()
      await expect(page.getByText(`The report was saved to ${file}.`)).toBeVisible({ timeout: 60_000 })
      const content = await readFile(file)
      const begin = content.subarray(0, 15).toString('latin1')
      if (format === 'pdf') expect(begin).toMatch(/^%PDF-/)
      else expect(content.toString()).toContain('2026-017.dat')
      if (process.env.HOLDFAST_PICTURES)
        await writeFile(path.join(process.env.HOLDFAST_PICTURES, `report.${format}`), content)
    }
  })

  await test.step('a report each month is set, and needs a channel', async () => {
    await openSection(page, 'settings.reporting')
    const part = page.getByRole('region', { name: 'Regular report' })
    await part.getByText('Each month').click()
    await expect(part.getByText('There is no channel that can send a report.')).toBeVisible()
    await part.scrollIntoViewIfNeeded()
    await pictures(page, 'report-settings')
  })
})

test('report: on a computer that is new, the present month is shown', { tag: '@story' }, async ({
  desktop,
}) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-new-'))
  await writeFile(path.join(source, 'file'), 'data')
  const { page, state } = await desktop.start({
    settings: { sources: [{ id: 'one', path: source, name: 'station' }], scan: { quietSeconds: 0.1 } },
  })
  await until('the file to be sent', async () => (await state()).totals.sentFiles === 1)
  const [now, zone] = [Date.now(), getLocalZone()]
  const { name } = getPresentPeriod('month', now, zone) ?? getLastPeriod('month', now, zone)
  await page.getByRole('tab', { name: 'Transfers' }).click()
  await page.getByText('Report', { exact: true }).click()
  await expect(page.getByRole('combobox', { name: 'Period' })).toHaveValue(name, { timeout: 60_000 })
  await pictures(page, 'report-new')
  await rm(source, TREE)
})
