import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Page } from '@playwright/test'
import { until } from '../support/until.ts'
import { expect, TREE, test } from './desktop.ts'
import { pictures } from './pictures.ts'
import { openRow, openSection } from './sections.ts'
import { startTelling } from './telling.ts'

const SECRET = 'tk_only-once'

/** A service that takes messages of any kind, refuses them, or answers once it may. */
async function service() {
  const got: { token: string; body: string }[] = []
  const answer = { status: 200, once: Promise.resolve() }
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    got.push({ token: String(request.headers.authorization ?? ''), body })
    await answer.once
    response.writeHead(answer.status, { 'content-type': 'application/json' })
    response.end('{"id":"1"}')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return { got, answer, address: `http://127.0.0.1:${port}`, close: () => server.close() }
}

const card = (page: Page) => page.getByRole('region', { name: 'Notification channels', exact: true })

test('notification channels: a channel is added with a secret, tested, edited and removed', {
  tag: '@story',
}, async ({ desktop }) => {
  const { got, answer, address, close } = await service()
  const { page, state } = await desktop.start({
    settings: {},
  })
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.getByRole('tab', { name: /Alerts/ }).click()
  await page.getByRole('button', { name: 'Set up notification channels' }).click()
  await expect(card(page)).toBeInViewport()
  await card(page).getByRole('button', { name: 'Add a channel' }).click()
  const dialog = page.getByRole('dialog')
  await pictures(page, 'channel-types')
  await dialog.getByRole('button', { name: /^ntfy/ }).click()
  await pictures(page, 'channel-form')

  const add = dialog.getByRole('button', { name: 'Test and add' })
  await add.click()
  await expect(dialog.getByText('This is required.')).toBeVisible()
  await expect(dialog.getByLabel('Topic')).toBeFocused()
  await dialog.getByLabel('Name').fill('Phone')
  await dialog.getByLabel('Server').fill(address)
  await dialog.getByLabel('Topic').fill('alerts')
  await dialog.getByLabel('Access token').fill(SECRET)
  await expect(dialog.getByRole('figure', { name: 'Example' })).not.toBeEmpty()
  await dialog.getByText('Custom').click()
  const words = dialog.getByRole('textbox', { name: 'Text of the message' })
  await words.fill('Holdfast: ')
  await dialog.getByText('Placeholders').click()
  await dialog.getByRole('button', { name: 'Insert {title}' }).click()
  await expect(words).toHaveValue('Holdfast: {title}')
  await expect(dialog.getByRole('figure', { name: 'Example' })).toContainText(/Holdfast: [^{]+$/)
  await words.scrollIntoViewIfNeeded()
  await pictures(page, 'channel-template', 'themes')
  answer.status = 401
  await add.click()
  const anyway = dialog.getByRole('button', { name: 'Add anyway' })
  await expect(dialog.getByRole('alert')).toContainText('401')
  await expect(dialog.getByRole('alert')).toBeInViewport({ ratio: 1 })
  await expect(anyway).toBeEnabled()
  await pictures(page, 'channel-failed', 'themes')
  expect((await state()).settings.alerts.channels).toEqual([])
  // The result is that of another draft.
  await dialog.getByLabel('Name').fill('Phone 2')
  await expect(anyway).toBeHidden()
  await dialog.getByLabel('Name').fill('Phone')
  await add.click()
  await anyway.click()
  await expect(dialog).toBeHidden()
  const removed = card(page).getByRole('region', { name: 'Phone' })
  await removed.getByRole('button', { name: 'Actions for Phone' }).click()
  await page.getByRole('menuitem', { name: 'Remove…' }).click()
  await dialog.getByRole('button', { name: 'Remove' }).click()
  await expect(removed).toBeHidden()

  answer.status = 200
  await card(page).getByRole('button', { name: 'Add a channel' }).click()
  await dialog.getByRole('button', { name: /^ntfy/ }).click()
  await dialog.getByLabel('Name').fill('Phone')
  await dialog.getByLabel('Server').fill(address)
  await dialog.getByLabel('Topic').fill('alerts')
  await dialog.getByLabel('Access token').fill(SECRET)
  await dialog.getByText('Custom').click()
  await words.fill('Holdfast: {title}')
  await add.click()
  await expect(dialog).toBeHidden()
  expect(got.at(-1)).toMatchObject({ token: `Bearer ${SECRET}`, body: expect.stringContaining('Holdfast: ') })

  const row = card(page).getByRole('region', { name: 'Phone' })
  await row.getByRole('button', { name: 'Send test' }).click()
  await expect(row.getByRole('status')).not.toBeEmpty()
  await expect(row).toContainText('works')
  expect(got.at(-1)).toMatchObject({ token: `Bearer ${SECRET}`, body: expect.stringContaining('Holdfast: ') })
  answer.status = 401
  await row.getByRole('button', { name: 'Send test' }).click()
  await expect(row).toContainText('401')
  await expect(row).toContainText('refused')
  await pictures(page, 'channels')

  // What the window knows of it is that it is stored, and an edit that does not touch it keeps it.
  expect(JSON.stringify(await state())).not.toContain(SECRET)
  expect(await readFile(path.join(desktop.dataDirectory, 'settings.json'), 'utf8')).not.toContain(SECRET)
  await row.getByRole('button', { name: 'Actions for Phone' }).click()
  await page.getByRole('menuitem', { name: 'Edit…' }).click()
  const token = dialog.getByLabel('Access token')
  await expect(token).toHaveValue('')
  await expect(token).toHaveAttribute('placeholder', 'stored')
  await pictures(page, 'channel-edit', 'themes')
  await dialog.getByLabel('Name').fill('Telephone')
  await dialog.getByRole('button', { name: 'Save' }).click()
  const renamed = card(page).getByRole('region', { name: 'Telephone' })
  // Another name does not mend it.
  await expect(renamed).toContainText('401')
  answer.status = 200
  await renamed.getByRole('button', { name: 'Send test' }).click()
  await expect(renamed).toContainText('works')
  expect(got.at(-1)?.token).toBe(`Bearer ${SECRET}`)

  await renamed.getByRole('button', { name: 'Actions for Telephone' }).click()
  await page.getByRole('menuitem', { name: 'Remove…' }).click()
  await expect(dialog).toContainText('Holdfast no longer notifies through it.')
  await dialog.getByRole('button', { name: 'Remove' }).click()
  await expect(renamed).toBeHidden()
  expect((await state()).settings.alerts.channels).toEqual([])
  close()
})

test('notification channels: one that refuses is among the failures until it has delivered a message', async ({
  desktop,
}) => {
  const { got, answer, address, close } = await service()
  answer.status = 401
  const directory = await mkdtemp(path.join(tmpdir(), 'holdfast-channels-'))
  const channel = {
    type: 'line-notify',
    options: { endpoint: `${address}/api/notify` },
    secrets: { token: SECRET },
  } as const
  const { page } = await startTelling(desktop, channel, { directory, sources: 1 })
  await rm(directory, TREE)
  await page.getByRole('tab', { name: /Alerts/ }).click()
  const row = page
    .getByRole('region', { name: 'Failing now' })
    .getByRole('article', { name: 'There · Notice' })
  await expect(row).toBeVisible({ timeout: 60_000 })
  await openRow(row)
  await expect(row).toContainText('There refused the last message.')
  await pictures(page, 'channel-refuses')
  await row.getByRole('button', { name: 'Set up notification channels' }).click()
  await expect(card(page)).toBeInViewport()
  answer.status = 200
  await card(page).getByRole('region', { name: 'There' }).getByRole('button', { name: 'Send test' }).click()
  await until('a message that is taken', () => got.length > 1)
  await page.getByRole('tab', { name: /Alerts/ }).click()
  await expect(row).toHaveCount(0)
  close()
})

test('notification channels: a test that waits is left by Cancel or another input, and adds nothing when it is answered', async ({
  desktop,
}) => {
  const { got, answer, address, close } = await service()
  const held = Promise.withResolvers<void>()
  answer.once = held.promise
  const { page, state } = await desktop.start({ settings: {} })
  await openSection(page, 'settings.notifications')
  const dialog = page.getByRole('dialog')
  const add = dialog.getByRole('button', { name: 'Test and add' })
  const open = async (name: string) => {
    await card(page).getByRole('button', { name: 'Add a channel' }).click()
    await dialog.getByRole('button', { name: /^ntfy/ }).click()
    await dialog.getByLabel('Name').fill(name)
    await dialog.getByLabel('Server').fill(address)
    await dialog.getByLabel('Topic').fill('alerts')
    await add.click()
  }
  await open('Cancelled')
  await until('the first test', () => got.length === 1)
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await expect(dialog).toBeHidden()
  await open('Mistyped')
  await until('the second test', () => got.length === 2)
  await dialog.getByLabel('Name').fill('Corrected')
  held.resolve()
  await add.click()
  await expect(dialog).toBeHidden()
  expect((await state()).settings.alerts.channels.map(({ name }) => name)).toEqual(['Corrected'])
  expect(got).toHaveLength(3)
  close()
})

test('notification channels: switches and order are saved, and so are quiet hours, labels and times', async ({
  desktop,
}) => {
  const channels = ['First', 'Second'].map((name) => ({
    id: name.toLowerCase(),
    name,
    type: 'ntfy',
    options: { topic: 'alerts' },
  }))
  const { page, state } = await desktop.start({ settings: { alerts: { channels } } })
  const alerts = async () => (await state()).settings.alerts
  await openSection(page, 'settings.notifications')
  const second = card(page).getByRole('region', { name: 'Second' })
  await second.getByRole('button', { name: 'Actions for Second' }).click()
  await page.getByRole('menuitem', { name: 'Move up' }).click()
  await until('the order', async () => (await alerts()).channels[0]?.name === 'Second')
  await second.getByRole('switch').press('Space')
  await expect(second).toContainText('off')
  await until('it to be off', async () => (await alerts()).channels[0]?.enabled === false)
  await card(page).getByRole('switch', { name: 'Use System notifications' }).press('Space')
  await until('notifications to be off', async () => !(await state()).settings.notifications)

  const times = page.getByRole('region', { name: 'When and how to notify' })
  await times.getByRole('switch', { name: 'Quiet hours' }).press('Space')
  await times.getByLabel('From').fill('25:00')
  await expect(times).toContainText('Enter a time such as 22:00.')
  await times.getByLabel('From').fill('9:30')
  await times.getByLabel('From').press('Enter')
  await times.getByLabel('Project code').fill('P-7')
  await times.getByLabel('Resource ID').fill('rack 3')
  await times.getByLabel('Resource ID').press('Enter')
  await times.getByLabel('Unreachable for').fill('2')
  await times.getByLabel('Unreachable for').press('Enter')
  await until('all of it to be kept', async () => {
    const { quietHours, labels, unreachableMinutes } = await alerts()
    return quietHours?.from === '09:30' && labels.resource === 'rack 3' && unreachableMinutes === 2
  })
  expect((await alerts()).labels.project).toBe('P-7')
  await pictures(page, 'telling')
})
