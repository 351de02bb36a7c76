import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Locator } from '@playwright/test'
import { formatPairingCode } from '../../core/protocol/pairing-code.ts'
import { until } from '../support/until.ts'
import { expect, TREE, test } from './desktop.ts'
import { resize, USUAL, WIDE } from './look/look.ts'
import { openSection, unfold } from './sections.ts'

test('drafts: unfinished input is kept while another page is shown', async ({ desktop }) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-drafts-'))
  const { page } = await desktop.start({
    settings: { sources: [{ id: 's', path: source, name: 'data' }] },
  })
  const show = (name: RegExp) => page.getByRole('tab', { name }).click()
  await page.locator('#open-s').click()
  await page.getByText('Rules', { exact: true }).click()
  await page.getByRole('button', { name: 'Edit…' }).click()
  const patterns = page.getByRole('textbox', { name: 'Leave out' })
  await patterns.fill('*.half')
  await openSection(page, 'settings.sending')
  await page.getByRole('button', { name: 'Add a rule' }).click()
  await page.getByRole('textbox', { name: 'From' }).fill('07:3')

  // Along the tabs with the keyboard: the focus stays there.
  await page.getByRole('tab', { name: /Settings/ }).focus()
  for (const name of [/Alerts/, /Destinations/, /Transfers/, /Overview/]) {
    await page.keyboard.press('ArrowLeft')
    await expect(page.getByRole('tab', { name })).toBeFocused()
  }
  await expect(patterns).toHaveValue('*.half')
  await expect(page.getByRole('tab', { name: /Overview/ })).toBeFocused()
  await show(/Settings/)
  await expect(page.getByRole('textbox', { name: 'From' })).toHaveValue('07:3')
  await openSection(page, 'settings.general')
  await expect(page.getByRole('textbox', { name: 'From' })).toBeHidden()
  await openSection(page, 'settings.sending')
  await expect(page.getByRole('textbox', { name: 'From' })).toHaveValue('07:3')
  await rm(source, TREE)
})

test('filters form: Back asks before it discards changed filters', async ({ desktop }) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-drafts-'))
  const { page } = await desktop.start({
    settings: { sources: [{ id: 's', path: source, name: 'data' }] },
  })
  await page.emulateMedia({ reducedMotion: 'reduce' })
  const dialog = page.getByRole('dialog')
  const patterns = page.getByRole('textbox', { name: 'Leave out' })
  const back = page.getByRole('button', { name: 'Back' })
  const openFilters = async () => {
    await page.locator('#open-s').click()
    await unfold(page, 'Rules')
    await page.getByRole('button', { name: 'Edit…' }).click()
  }
  await openFilters()
  await back.click()
  await openFilters()
  await patterns.fill('*.half')
  await back.click()
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await expect(dialog).toBeHidden()
  await expect(patterns).toHaveValue('*.half')
  await back.click()
  await dialog.getByRole('button', { name: 'Discard' }).click()
  await expect(page.locator('#open-s')).toBeFocused()
  await rm(source, TREE)
})

test('details beside the list: another row takes their place, and asks before it discards changed filters', {
  tag: '@story',
}, async ({ desktop }) => {
  const sources = await Promise.all(
    ['data', 'photos'].map(async (name) => ({
      id: name,
      name,
      path: await mkdtemp(path.join(tmpdir(), 'holdfast-drafts-')),
    })),
  )
  const running = await desktop.start({ settings: { sources } })
  const { page } = running
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await resize(running, WIDE)
  const details = page.getByRole('region', { name: /^(data|photos)$/ })
  const dialog = page.getByRole('dialog')
  const patterns = page.getByRole('textbox', { name: 'Leave out' })
  // The first row's are there without a press, after the rows, and there is nothing to go back to.
  await expect(details.getByRole('heading', { name: 'data' })).toBeVisible()
  await expect(page.locator('#open-data')).toHaveAttribute('aria-current', 'true')
  await expect(page.getByRole('button', { name: 'Back' })).toBeHidden()
  const photos = page.locator('#open-photos')
  const heading = details.getByRole('heading', { level: 2 })
  await test.step('the focus goes into the details and back, and is kept where the width changes', async () => {
    await details.getByRole('button', { name: 'Actions for data' }).focus()
    await resize(running, USUAL)
    await expect(page.locator('#open-data')).toBeFocused()
    await resize(running, WIDE)
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await expect(heading).toHaveText('photos')
    await expect(heading).toBeFocused()
    await page.keyboard.press('Escape')
    await expect(photos).toBeFocused()
    await resize(running, USUAL)
    await expect(heading).toBeFocused()
    await page.getByRole('button', { name: 'Back' }).focus()
    await resize(running, WIDE)
    await expect(heading).toBeFocused()
    await resize(running, USUAL)
    await page.keyboard.press('Escape')
    await expect(photos).toBeFocused()
    await resize(running, WIDE)
    await expect(page.locator('#open-data')).toHaveAttribute('aria-current', 'true')
    await expect(photos).toBeFocused()
  })
  // They do not hide the rows of a narrow window, as nobody has asked for them; their open dialog stays.
  await details.getByRole('button', { name: 'Actions for data' }).click()
  await page.getByRole('menuitem', { name: 'Remove…' }).click()
  await expect(dialog).toBeVisible()
  await resize(running, USUAL)
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await expect(dialog).toBeHidden()
  await expect(page.locator('#open-photos')).toBeVisible()
  await expect(details).toBeHidden()
  await resize(running, WIDE)
  await unfold(page, 'Rules')
  await page.getByRole('button', { name: 'Edit…' }).click()
  await patterns.fill('*.half')
  await page.locator('#open-photos').click()
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await expect(dialog).toBeHidden()
  // A narrow window shows them in place of the rows, with the same input.
  await resize(running, USUAL)
  await expect(page.locator('#open-photos')).toBeHidden()
  await expect(patterns).toHaveValue('*.half')
  await resize(running, WIDE)
  await page.locator('#open-photos').click()
  await dialog.getByRole('button', { name: 'Discard' }).click()
  await expect(heading).toHaveText('photos')
  await expect(photos).toBeFocused()
  await Promise.all(sources.map((one) => rm(one.path, { recursive: true })))
})

test('details: what is pressed while filters are saved is opened after that, or asks if they are refused', async ({
  desktop,
}) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-drafts-'))
  const { page, holdfast } = await desktop.start({
    settings: { sources: [{ id: 's', path: source, name: 'data' }] },
  })
  await page.emulateMedia({ reducedMotion: 'reduce' })
  const dialog = page.getByRole('dialog')
  const back = page.getByRole('button', { name: 'Back' })
  /** Saves filters, presses Back, and then gives the agent's answer. */
  const leaveWhileSaving = async (answer: unknown) => {
    const held = await holdfast.application.evaluateHandle(({ ipcMain }) => {
      const { promise, resolve } = Promise.withResolvers<unknown>()
      const asked = Promise.withResolvers<void>()
      ipcMain.removeHandler('changeSource')
      ipcMain.handle('changeSource', () => {
        asked.resolve()
        return promise
      })
      return { resolve, asked: asked.promise }
    })
    await page.locator('#open-s').click()
    await unfold(page, 'Rules')
    await page.getByRole('button', { name: 'Edit…' }).click()
    await page.getByRole('textbox', { name: 'Leave out' }).fill('*.half')
    await page.getByRole('button', { name: 'Save' }).click()
    await held.evaluate(({ asked }) => asked)
    await back.click()
    await expect(dialog).toBeHidden()
    await expect(back).toBeVisible()
    await held.evaluate(({ resolve }, given) => resolve(given), answer)
  }
  await leaveWhileSaving({ output: {} })
  await expect(page.locator('#open-s')).toBeFocused()
  await leaveWhileSaving({ sentence: { key: 'problem.other', params: { reason: 'The disk is full.' } } })
  await expect(dialog.getByRole('button', { name: 'Discard' })).toBeVisible()
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await expect(page.getByText('The disk is full.')).toBeVisible()
  await rm(source, { recursive: true })
})

test('details: days and a licence that are typed and not used are not left without a question', async ({
  desktop,
}) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-drafts-'))
  const { page } = await desktop.start({
    settings: { sources: [{ id: 's', path: source, name: 'data', digests: ['sha256'] }] },
  })
  await page.emulateMedia({ reducedMotion: 'reduce' })
  const dialog = page.getByRole('dialog')
  const typed = async (field: Locator, text: string) => {
    await field.fill(text)
    await page.getByRole('button', { name: 'Back' }).click()
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await expect(field).toHaveValue(text)
    await field.fill('')
  }
  await page.locator('#open-s').click()
  await unfold(page, 'Rules')
  await page.getByRole('combobox', { name: 'Remove files here' }).selectOption('Other…')
  await typed(page.getByRole('textbox', { name: 'Remove after' }), '45')
  await page.getByRole('combobox', { name: 'List' }).selectOption('RO-Crate')
  await typed(page.getByRole('textbox', { name: 'Licence' }), 'https://example.com/by')
  await page.getByRole('button', { name: 'Back' }).click()
  await expect(page.locator('#open-s')).toBeFocused()
  await rm(source, { recursive: true })
})

test('filters form: saving keeps changes that were made elsewhere meanwhile', async ({ desktop }) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-drafts-'))
  const { page, state } = await desktop.start({
    settings: { sources: [{ id: 's', path: source, name: 'data' }] },
  })
  await page.locator('#open-s').click()
  await page.getByText('Rules', { exact: true }).click()
  await page.getByRole('button', { name: 'Edit…' }).click()
  await page.getByRole('textbox', { name: 'Leave out' }).fill('*.half')
  const changes = { minimumBytes: 4096, priority: 'high' } as const
  await page.evaluate((given) => window.holdfast.call('changeSource', { id: 's', changes: given }), changes)
  const least = page.getByRole('textbox', { name: 'Smallest size' })
  await expect(least).toHaveValue('4')
  await expect(page.getByRole('textbox', { name: 'Leave out' })).toHaveValue('*.half')
  if (process.env.HOLDFAST_PICTURES)
    await page.screenshot({ path: path.join(process.env.HOLDFAST_PICTURES, 'filters-elsewhere.png') })
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(least).toBeHidden()
  expect((await state()).sources[0]?.settings).toMatchObject({ ...changes, ignore: ['*.half'] })
  await rm(source, TREE)
})

test('dialog: a click beside it does nothing; Escape, the × and Ctrl+W ask before input is lost', async ({
  desktop,
}) => {
  const { page, holdfast } = await desktop.start({
    settings: { checkedPaths: [{ id: 'c', path: tmpdir() }] },
  })
  // A dialog that closes is then gone at once.
  await page.emulateMedia({ reducedMotion: 'reduce' })
  const open = async () => {
    await page.getByRole('button', { name: 'Other ways to add' }).click()
    await page.getByRole('menuitem', { name: /Type a path/ }).click()
  }
  const dialog = page.getByRole('dialog', { name: 'Add a folder' })
  const question = page.getByRole('dialog', { name: 'Discard what you entered?' })
  for (const key of ['Escape', 'Control+w']) {
    await open()
    await expect(dialog.getByRole('textbox').first()).toBeFocused()
    await page.keyboard.press(key)
    await expect(dialog).toBeHidden()
  }
  await open()
  // Key by key, as somebody types: what is filled in by a script is known to the page only a moment later.
  await dialog.getByRole('textbox').first().pressSequentially('/nowhere/at/all')
  await page.mouse.click(5, 5)
  for (const key of ['Escape', 'Control+w']) {
    await page.keyboard.press(key)
    await expect(question.getByRole('button', { name: 'Cancel' })).toBeFocused()
    await page.keyboard.press(key)
    await expect(question).toBeHidden()
  }
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(dialog.getByText('/nowhere/at/all does not exist')).toBeVisible()
  await dialog.getByRole('button', { name: 'Close' }).click()
  await question.getByRole('button', { name: 'Discard' }).click()
  await expect(page.getByRole('dialog')).toHaveCount(0)
  const isVisible = holdfast.application.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0]?.isVisible(),
  )
  expect(await isVisible).toBe(true)
})

test("pairing dialog: it stays open until the receiver's answer is shown", async ({ desktop }) => {
  // A receiver that takes a connection, and says nothing.
  const sockets: Socket[] = []
  const server = createServer((socket) => void sockets.push(socket.on('error', () => undefined)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const { page } = await desktop.start({ settings: { checkedPaths: [{ id: 'c', path: tmpdir() }] } })
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.getByRole('tab', { name: /Destinations/ }).click()
  await page.getByRole('main').getByRole('button', { name: 'Add destination' }).click()
  await page.getByRole('button', { name: /^Another computer/ }).click()
  const dialog = page.getByRole('dialog')
  const code = { host: '127.0.0.1', port, code: 'x', fingerprint: 'a'.repeat(64), name: 'nas' }
  await dialog.getByRole('textbox').fill(formatPairingCode(code))
  await dialog.getByRole('button', { name: 'Connect', exact: true }).click()
  await until('the receiver to be asked', () => sockets.length > 0)
  for (const name of ['Cancel', 'Close']) await expect(dialog.getByRole('button', { name })).toBeDisabled()
  await page.keyboard.press('Escape')
  if (process.env.HOLDFAST_PICTURES)
    await page.screenshot({ path: path.join(process.env.HOLDFAST_PICTURES, 'pairing.png') })
  for (const socket of sockets) socket.destroy()
  await expect(dialog.getByText(`The receiver at 127.0.0.1:${port} cannot be reached`)).toBeVisible()
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await expect(dialog).toBeHidden()
  server.close()
})

test('confirmation dialog: it stays open until the confirmed change is done', async ({ desktop }) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-drafts-'))
  const { page, holdfast } = await desktop.start({
    settings: { sources: [{ id: 's', path: source, name: 'data' }] },
  })
  await page.emulateMedia({ reducedMotion: 'reduce' })
  const answer = await holdfast.application.evaluateHandle(({ ipcMain }) => {
    const held = Promise.withResolvers<unknown>()
    ipcMain.removeHandler('changeSource')
    ipcMain.handle('changeSource', () => held.promise)
    return held
  })
  await page.locator('#open-s').click()
  await page.getByText('Rules', { exact: true }).click()
  await page
    .getByRole('region', { name: 'After sending' })
    .getByRole('combobox', { name: 'Remove files here' })
    .selectOption('After 7 days')
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Remove after sending' }).click()
  for (const name of ['Cancel', 'Close']) await expect(dialog.getByRole('button', { name })).toBeDisabled()
  await page.keyboard.press('Escape')
  await page.mouse.click(5, 5)
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeVisible()
  await answer.evaluate((held) => held.resolve({ output: {} }))
  await expect(dialog).toBeHidden()
  await rm(source, TREE)
})

test('destination choice: the dialog stays open until the choice is saved and answered', async ({
  desktop,
}) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-drafts-'))
  // Nobody listens there.
  const destinations = ['nas', 'cellar'].map((name, index) => ({
    id: name,
    kind: 'receiver',
    name,
    host: '127.0.0.1',
    port: 1 + index,
    fingerprint: String(index).repeat(64),
  }))
  const { page, holdfast } = await desktop.start({
    settings: { destinations, sources: [{ id: 's', path: source, name: 'data' }] },
  })
  await page.emulateMedia({ reducedMotion: 'reduce' })
  const answer = await holdfast.application.evaluateHandle(({ ipcMain }) => {
    const held = Promise.withResolvers<unknown>()
    ipcMain.removeHandler('changeSource')
    ipcMain.handle('changeSource', () => held.promise)
    return held
  })
  await page.getByRole('button', { name: 'Actions for data' }).click()
  await page.getByRole('menuitem', { name: 'Choose destinations…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('checkbox', { name: /^All/ }).uncheck()
  await dialog.getByRole('checkbox', { name: 'cellar' }).uncheck()
  await page.mouse.click(5, 5)
  await expect(dialog.getByRole('checkbox', { name: 'cellar' })).not.toBeChecked()
  await dialog.getByRole('button', { name: 'Save' }).click()
  for (const name of ['Cancel', 'Close']) await expect(dialog.getByRole('button', { name })).toBeDisabled()
  await page.keyboard.press('Escape')
  await expect(dialog).toBeVisible()
  if (process.env.HOLDFAST_PICTURES)
    await page.screenshot({ path: path.join(process.env.HOLDFAST_PICTURES, 'choosing.png') })
  await answer.evaluate((held) => held.resolve({ output: {} }))
  await expect(dialog).toBeHidden()
  await rm(source, TREE)
})
