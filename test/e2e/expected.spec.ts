import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openLedger } from '../../core/ledger/ledger.ts'
import { expect, test } from './desktop.ts'
import { pictures } from './pictures.ts'

const PATTERN = '{YYYY}{MM}{DD}-{HH}{mm}.dat'
const MINUTE_MS = 60_000

test('expected files: a rule is set in a form, and a missing file is named until it comes', async ({
  desktop,
}) => {
  const source = path.join(await mkdtemp(path.join(tmpdir(), 'holdfast-expected-')), 'station')
  await mkdir(source)
  // Holdfast has not looked for 17 minutes. A file was due in this minute, and the next one is due four minutes later at
  // the earliest.
  const withinMinutes = new Date().getUTCMinutes() % 5
  const ledger = openLedger(path.join(desktop.dataDirectory, 'ledger.db'))
  const since = Date.now() - 17 * MINUTE_MS
  ledger.rememberJudged('one', { [PATTERN]: { timetable: `5 ${withinMinutes} UTC`, since, until: since } })
  ledger.close()
  const { page } = await desktop.start({
    settings: {
      sources: [
        {
          ...{ id: 'one', path: source, name: 'station' },
          expected: [{ pattern: PATTERN, everyMinutes: 5, withinMinutes, zone: 'UTC' }],
        },
      ],
    },
  })
  await test.step('the menu of a row does not open it, and a click beside it does', async () => {
    const row = page.getByRole('article', { name: 'station' })
    await row.getByRole('button', { name: 'Actions for station' }).click()
    await page.getByRole('menuitem', { name: 'Pause this folder' }).click()
    await expect(row.getByText('paused')).toBeVisible()
    await row.getByText('paused').click()
    await expect(page.getByRole('heading', { name: 'station', exact: true })).toBeVisible()
    await page.getByRole('button', { name: 'Actions for station' }).click()
    await page.getByRole('menuitem', { name: 'Resume this folder' }).click()
  })
  await page.getByText('Rules', { exact: true }).click()
  const part = page.getByRole('region', { name: 'Expected files' })
  const dialog = page.getByRole('dialog')

  await test.step('the form refuses a pattern that cannot distinguish the periods', async () => {
    await part.getByRole('button', { name: 'Add…' }).click()
    await dialog.getByRole('textbox', { name: 'Names' }).fill('{YYYY}{MM}{DD}.dat')
    await dialog.getByRole('combobox', { name: 'One file every' }).selectOption('6 hr')
    await dialog.getByRole('textbox', { name: 'It must come within' }).fill('30')
    await dialog.getByRole('combobox', { name: 'Time zone of the names' }).selectOption('UTC')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await expect(dialog.getByRole('alert')).toContainText('Add {HH}')
    await pictures(page, 'expected-form', 'themes')
  })

  await test.step('a rule is saved and listed', async () => {
    await dialog.getByRole('textbox', { name: 'Names' }).fill('{YYYY}{MM}{DD}-{HH}.nc')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await expect(dialog).toBeHidden()
    await expect(part).toContainText('{YYYY}{MM}{DD}-{HH}.ncevery 6 hr, within 30 min · UTC')
    await pictures(page, 'expected-rule')
  })

  await page.getByText('Files', { exact: true }).click()
  const gaps = page.getByRole('region', { name: 'Expected files' })
  await expect(gaps.getByText('missing', { exact: true }).first()).toBeVisible({ timeout: 20_000 })
  const last =
    (await gaps
      .getByText(/^\d{8}-\d{4}\.dat$/)
      .first()
      .textContent()) ?? ''
  await expect(page.getByText('station lacks a file.')).toBeVisible()
  await pictures(page, 'expected-missing')
  await writeFile(path.join(source, last), 'data')
  await expect(gaps.getByText(/^late by /)).toBeVisible({ timeout: 20_000 })
  await expect(page.getByText('station lacks a file.')).toBeHidden()
})
