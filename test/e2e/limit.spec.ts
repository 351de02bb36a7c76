import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { answerDialogs } from '../support/desktop/dialog.ts'
import { until } from '../support/until.ts'
import { expect, type Running, TREE, test } from './desktop.ts'
import { pictures } from './pictures.ts'
import { openSection } from './sections.ts'

test('sending settings: a speed limit and a schedule rule are set in the window, and apply at once', {
  tag: '@story',
}, async ({ desktop }) => {
  const { page, state, holdfast } = await desktop.start()
  await openSection(page, 'settings.sending')
  const card = page.getByRole('region', { name: 'Sending' })
  const limit = card.getByRole('textbox', { name: 'Speed limit' })
  await limit.fill('0.0001')
  await expect(card.getByText('Enter a number from 0.001 to 100,000')).toBeVisible()
  await limit.pressSequentially('fast')
  await limit.press('Tab')
  await expect(limit).toHaveAttribute('aria-invalid', 'true')
  await limit.fill('')
  await limit.pressSequentially('500K')
  await limit.press('Enter')
  await expect(card.getByText('At most 500 KiB/s now.')).toBeVisible()
  await limit.fill('2.5')
  await limit.press('Enter')
  await expect(card.getByText('At most 2.5 MiB/s now.')).toBeVisible()

  await card.getByRole('button', { name: 'Add a rule' }).click()
  const form = card.getByRole('form', { name: 'Add a rule' })
  for (const day of ['Sat', 'Sun']) await form.getByText(day, { exact: true }).click()
  await form.getByLabel('From').fill('00:00')
  await form.getByLabel('To').fill('00:00')
  await form.getByText('Pause', { exact: true }).click()
  if (process.env.HOLDFAST_PICTURES) {
    for (const theme of ['light', 'dark'] as const) {
      await page.evaluate((name) => window.holdfast.call('changeSettings', { theme: name }), theme)
      await expect(page.locator(`html[data-mantine-color-scheme="${theme}"]`)).toBeVisible()
      await card.screenshot({ path: path.join(process.env.HOLDFAST_PICTURES, `limit-${theme}.png`) })
    }
  }
  await form.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(card.getByText('Every day · all day')).toBeVisible()
  await expect(card.getByText('The schedule pauses sending now.')).toBeVisible()
  await until('the sender pauses', async () => (await state()).allowance.now.kind === 'pause')

  // A new rule comes first; moved down, the other one decides again.
  await card.getByRole('button', { name: 'Add a rule' }).click()
  for (const day of ['Sat', 'Sun']) await form.getByText(day, { exact: true }).click()
  await form.getByLabel('From').fill('00:00')
  await form.getByLabel('To').fill('24:00')
  await expect(form.getByRole('button', { name: 'Add', exact: true })).toBeDisabled()
  await form.getByLabel('To').fill('00:00')
  await form.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(card.getByText('At most 1 MiB/s now.')).toBeVisible()
  const monday = card.getByRole('img', { name: /^Mon: / })
  await expect(monday).toHaveAccessibleName('Mon: 00:00 to 24:00 1 MiB/s')
  await card.getByRole('button', { name: /^Move down: .*at most/ }).click()
  await expect(card.getByText('The schedule pauses sending now.')).toBeVisible()
  await expect(monday).toHaveAccessibleName('Mon: 00:00 to 24:00 Pause')
  expect((await state()).settings.send.schedule.map(({ allow }) => allow)).toEqual(['pause', 1024 ** 2])

  await card.getByRole('button', { name: /^Edit: .*Pause/ }).click()
  const changing = card.getByRole('form', { name: 'Edit the rule' })
  await changing.getByText('No limit', { exact: true }).click()
  await changing.getByRole('button', { name: 'Save' }).click()
  await expect(card.getByText('No speed limit now.')).toBeVisible()
  await pictures(page, 'week')

  await openSection(page, 'settings.keep.title')
  const older = page.getByRole('region', { name: 'Older versions' })
  const within = older.getByRole('textbox', { name: 'Keep all for' })
  await within.fill('0')
  await expect(older.getByText('Enter a whole number from 1 to 36,500')).toBeVisible()
  await within.fill('6 months')
  await within.press('Enter')
  await expect(older.getByText('Enter a whole number from 1 to 36,500')).toBeVisible()
  await within.fill('7')
  await within.press('Enter')
  const ask = page.getByRole('dialog', { name: 'Keep fewer older versions?' })
  await ask.getByRole('button', { name: 'Cancel' }).click()
  await expect(ask).toHaveCount(0)
  await expect(within).toHaveValue('30')
  expect((await state()).settings.keep.withinDays).toBe(30)
  await within.fill('7')
  await within.press('Enter')
  await expect(ask.getByText('All older versions stay for 7 days instead of 30.')).toBeVisible()
  await pictures(page, 'keep-ask', 'themes')
  await ask.getByRole('button', { name: 'Keep fewer' }).click()
  await expect(ask).toHaveCount(0)
  await expect(within).toHaveValue('7')
  await expect(older.getByText('Saved', { exact: true })).toBeVisible()
  await until('the days to be kept', async () => (await state()).settings.keep.withinDays === 7)
  await older.scrollIntoViewIfNeeded()
  await pictures(page, 'keep')

  await exportAndImport({ page, state, holdfast })
})

/** The settings are found by their words, and come back from a file once they are others. */
async function exportAndImport({ page, state, holdfast }: Running): Promise<void> {
  const search = page.getByRole('textbox', { name: 'Search settings' })
  await search.fill('zebra')
  await expect(page.getByText('No setting or page has these words.')).toBeVisible()
  await search.press('Enter')
  await expect(page.getByRole('searchbox', { name: 'Search by path' })).toHaveValue('zebra')
  await page.getByRole('tab', { name: /^Settings/ }).click()
  await search.fill('settings file')
  await expect(page.getByRole('region', { name: 'Older versions' })).toHaveCount(0)
  await search.press('Enter')
  await expect(page.getByRole('button', { name: 'Export…' })).toBeFocused()
  const exchange = page.getByRole('region', { name: 'Export and import' })
  const directory = await mkdtemp(path.join(tmpdir(), 'holdfast-exported-'))
  const file = path.join(directory, 'settings.json')
  await answerDialogs(holdfast.application, file)
  await exchange.getByRole('button', { name: 'Export…' }).click()
  await expect(page.getByText(`The settings are in ${file}.`)).toBeVisible()
  const before = (await state()).settings
  await page.evaluate(() =>
    window.holdfast.call('changeSettings', { send: { schedule: [] }, check: { intervalSeconds: 60 } }),
  )
  await exchange.getByRole('button', { name: 'Import…' }).click()
  const dialog = page.getByRole('dialog')
  await expect(dialog).toContainText('60 → 10')
  expect((await state()).settings.check.intervalSeconds).toBe(60)
  await pictures(page, 'import', 'themes')
  await dialog.getByRole('button', { name: 'Replace settings' }).click()
  await expect(page.getByText('The settings are imported.')).toBeVisible()
  expect((await state()).settings).toEqual(before)
  await rm(directory, TREE)
}

test('sending settings: a typed limit is saved by the click that leaves the field', async ({ desktop }) => {
  const { page, state } = await desktop.start({
    settings: {
      send: { schedule: [{ days: [1], from: '08:00', to: '18:00', allow: 'pause' }] },
    },
  })
  await openSection(page, 'settings.sending')
  const card = page.getByRole('region', { name: 'Sending' })
  await card.getByRole('textbox', { name: 'Speed limit' }).fill('2.5')
  // Leaving the field saves it, and the click saves the rules before the window has heard of the limit.
  await card.getByRole('button', { name: /^Remove:/ }).click()
  await until('the rule to be gone', async () => (await state()).settings.send.schedule.length === 0)
  expect((await state()).settings.send.bytesPerSecond).toBe(2.5 * 1024 * 1024)
})

test('schedule: two rules that are removed in quick succession both stay removed', async ({ desktop }) => {
  const rule = (from: string) => ({ days: [1], from, to: '23:00', allow: 'pause' })
  const { page, state } = await desktop.start({
    settings: { send: { schedule: ['08:00', '09:00', '10:00'].map(rule) } },
  })
  await openSection(page, 'settings.sending')
  const removers = page.getByRole('region', { name: 'Sending' }).getByRole('button', { name: /^Remove:/ })
  await expect(removers).toHaveCount(3)
  // Before the window can have heard of the first; then a click waits until it has.
  await removers.first().evaluate(async (first) => {
    const second = first.closest('li')?.nextElementSibling?.querySelector('button')
    ;(first as HTMLButtonElement).click()
    await Promise.resolve()
    second?.click()
  })
  await until('one to be gone', async () => (await state()).settings.send.schedule.length < 3)
  await page.getByRole('button', { name: /^Remove:.*10:00/ }).click()
  await until('another one to be gone', async () => (await state()).settings.send.schedule.length < 2)
  expect((await state()).settings.send.schedule.map(({ from }) => from)).toEqual(['09:00'])
})

test('schedule: rules can still be changed after a save that changed nothing', async ({ desktop }) => {
  const { page, holdfast } = await desktop.start({
    settings: { send: { schedule: [{ days: [1], from: '08:00', to: '18:00', allow: 'pause' }] } },
  })
  await holdfast.application.evaluate(({ ipcMain }) => {
    ipcMain.removeHandler('changeSettings')
    ipcMain.handle('changeSettings', () => ({ output: {} }))
  })
  await openSection(page, 'settings.sending')
  const card = page.getByRole('region', { name: 'Sending' })
  const remove = card.getByRole('button', { name: /^Remove:/ })
  await remove.click()
  await expect(card.getByText('Saved')).toBeVisible()
  await expect(remove).toBeEnabled()
})

test('delete after sending: the form asks for confirmation, and warns while this computer is the destination', async ({
  desktop,
}) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-removal-'))
  const { page, state } = await desktop.start({
    settings: { sources: [{ id: 's', path: source, name: 'data' }] },
  })
  await page.locator('#open-s').click()
  await page.getByText('Rules', { exact: true }).click()
  const part = page.getByRole('region', { name: 'After sending' })
  const after = part.getByRole('combobox', { name: 'Remove files here' })
  await after.selectOption('After 7 days')
  await expect(page.getByText('Remove files here after they were sent?')).toBeVisible()
  await page.getByRole('button', { name: 'Cancel' }).click()
  expect((await state()).settings.sources[0]?.deleteAfter).toBeNull()
  await after.selectOption({ label: 'Other…' })
  await part.getByRole('textbox', { name: 'Remove after' }).fill('45')
  await part.getByRole('button', { name: 'Set', exact: true }).click()
  await page.getByRole('button', { name: 'Remove after sending' }).click()
  await expect(part.getByText('The destination is this computer')).toBeVisible()
  expect((await state()).settings.sources[0]?.deleteAfter).toEqual({ hours: 45 * 24 })
  if (process.env.HOLDFAST_PICTURES) {
    for (const theme of ['light', 'dark'] as const) {
      await page.evaluate((name) => window.holdfast.call('changeSettings', { theme: name }), theme)
      await expect(page.locator(`html[data-mantine-color-scheme="${theme}"]`)).toBeVisible()
      await part.screenshot({ path: path.join(process.env.HOLDFAST_PICTURES, `removal-${theme}.png`) })
    }
  }
  await after.selectOption('Never')
  await until('it is off', async () => (await state()).settings.sources[0]?.deleteAfter === null)
  await rm(source, TREE)
})
