import { mkdir, mkdtemp, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Locator } from '@playwright/test'
import { openLedger } from '../../core/ledger/ledger.ts'
import { expect, test } from './desktop.ts'
import { pictures } from './pictures.ts'
import { unfold } from './sections.ts'

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
  const part = page.getByRole('region', { name: 'Rules' }).getByRole('region', { name: 'Expected files' })
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

  await unfold(page, 'Rules', false)
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

test('expected files: five clicks make a rule from an example', async ({ desktop }) => {
  const source = path.join(await mkdtemp(path.join(tmpdir(), 'holdfast-example-')), 'station')
  await mkdir(source)
  const hour = 3_600_000
  const names = Array.from({ length: 12 }, (_, index) => {
    const begin = new Date((Math.floor(Date.now() / hour) - 1 - index) * hour)
    const [day = '', time = ''] = begin.toISOString().split('T')
    return {
      name: `ABCD_${day.replaceAll('-', '')}_${time.slice(0, 2)}00.dat`,
      ended: begin.getTime() + hour,
    }
  })
  for (const { name, ended } of names) {
    await writeFile(path.join(source, name), 'data')
    await utimes(path.join(source, name), ended / 1_000, ended / 1_000)
  }
  await writeFile(path.join(source, 'notes.txt'), 'data')
  const { page } = await desktop.start({
    settings: { sources: [{ id: 'one', path: source, name: 'station' }] },
  })
  await expect(page.getByRole('article', { name: 'station' })).toContainText('13')
  let clicks = 0
  const click = async (target: Locator) => {
    clicks += 1
    await target.scrollIntoViewIfNeeded()
    const box = await target.boundingBox()
    if (box === null) throw new Error('there is nothing to click on')
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2)
  }
  const dialog = page.getByRole('dialog')
  const names5 = names.slice(0, 5).map(({ name }) => name)
  await click(page.getByRole('article', { name: 'station' }))
  await click(page.getByText('Rules', { exact: true }))
  const part = page.getByRole('region', { name: 'Rules' }).getByRole('region', { name: 'Expected files' })
  await click(part.getByRole('button', { name: 'Add…' }))
  const example = dialog
    .getByRole('list', { name: 'From an example' })
    .getByRole('button', { name: names5[1] ?? '' })
  await expect(example).toBeVisible()
  await pictures(page, 'expected-examples')
  await click(example)
  const preview = dialog.getByRole('region', { name: 'Preview' })
  await expect(preview).toContainText('12 of the newest 13 files match, the last of them:')
  for (const name of names5) await expect(preview).toContainText(name)
  await expect(preview.getByText(/^Next file: ABCD_\d{8}_\d{2}00\.dat, due by /)).toHaveCount(3)
  await expect(dialog.getByRole('textbox', { name: 'Names' })).toHaveValue('ABCD_{YYYY}{MM}{DD}_{HH}00.dat')
  for (const shown of [preview, dialog.getByRole('button', { name: 'Save' })])
    await expect(shown).toBeInViewport({ ratio: 1 })
  await pictures(page, 'expected-proposal')
  await click(dialog.getByRole('button', { name: 'Save' }))
  await expect(dialog).toBeHidden()
  await expect(part).toContainText('ABCD_{YYYY}{MM}{DD}_{HH}00.datevery 1 hr, within 10 min')
  expect(clicks).toBe(5)

  await test.step('parts of a date as other programs write them are converted, and another case is named', async () => {
    await part.getByRole('button', { name: 'Add…' }).click()
    await dialog.getByRole('textbox', { name: 'Names' }).fill('abcd_%Y%m%d_%H00.dat')
    await expect(preview).toContainText('Saved as abcd_{YYYY}{MM}{DD}_{HH}00.dat')
    await expect(preview).toContainText('12 files match if upper and lower case are ignored, such as: ABCD_')
    await pictures(page, 'expected-case')
    await dialog.getByRole('textbox', { name: 'Names' }).fill('abcd_%Y%b%d_%H00.dat')
    await expect(dialog.getByText('%b in abcd_%Y%b%d_%H00.dat is not a part of a date')).toBeVisible()
  })
})
