import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from './desktop.ts'

test('what is half typed is there again after another page was shown', async ({ desktop }) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-drafts-'))
  const { page } = await desktop.start({
    settings: { sources: [{ id: 's', path: source, name: 'data' }] },
  })
  const show = (name: RegExp) => page.getByRole('tab', { name }).click()
  await page.locator('#open-s').click()
  await page.getByRole('button', { name: 'Change…' }).click()
  const patterns = page.getByRole('textbox', { name: 'Leave out' })
  await patterns.fill('*.half')
  await show(/Settings/)
  await page.getByRole('button', { name: 'Add a time' }).click()
  await page.getByRole('textbox', { name: 'From' }).fill('07:3')

  // Along the tabs with the keyboard: the focus stays there.
  await page.getByRole('tab', { name: /Settings/ }).focus()
  for (const name of [/Alerts/, /Transfers/, /Overview/]) {
    await page.keyboard.press('ArrowLeft')
    await expect(page.getByRole('tab', { name })).toBeFocused()
  }
  await expect(patterns).toHaveValue('*.half')
  await expect(page.getByRole('tab', { name: /Overview/ })).toBeFocused()
  await show(/Settings/)
  await expect(page.getByRole('textbox', { name: 'From' })).toHaveValue('07:3')
  await rm(source, { recursive: true })
})

test('a click beside a dialog throws away nothing that was typed', async ({ desktop }) => {
  const { page } = await desktop.start({
    settings: { checkedPaths: [{ id: 'c', path: tmpdir() }] },
  })
  // A dialog that closes is then gone at once.
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.getByRole('button', { name: 'Other ways to add' }).click()
  await page.getByRole('menuitem', { name: /Type a path/ }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('textbox').first().fill('/nowhere/at/all')
  await page.mouse.click(5, 5)
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(dialog.getByText('/nowhere/at/all does not exist')).toBeVisible()
})
