import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { commandScript } from '../support/cli/command-script.ts'
import { readTray, waitForTray } from '../support/desktop/tray.ts'
import { until } from '../support/until.ts'
import { test as base, expect, TREE } from './desktop.ts'
import { findViolations, keepPicture, resize, tooWide, USUAL, WIDE, ZOOMED } from './look/look.ts'

const run = promisify(execFile)

interface Station {
  /** Runs `holdfast …` there, and returns its output. */
  holdfast(...words: string[]): Promise<string>
  port: number
  token: string
  /** A path that is checked there every two seconds. */
  checked: string
}

/** Another agent, without a desktop, whose web page has the certificate of its computer. */
const test = base.extend<{ station: Station }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from this pattern.
  station: async ({}, use) => {
    const directory = await mkdtemp(path.join(tmpdir(), 'holdfast-station-'))
    const [data, checked] = [path.join(directory, 'data'), path.join(directory, 'checked')]
    for (const one of [data, checked]) await mkdir(one)
    const settings = { version: 1, check: { intervalSeconds: 2 } }
    await writeFile(path.join(data, 'settings.json'), JSON.stringify(settings))
    const env = { ...process.env, HOLDFAST_HOME: data, HOME: directory, LANG: 'C' }
    const agent = spawn(process.execPath, [commandScript, 'agent'], { env, stdio: 'ignore' })
    const holdfast = async (...words: string[]) =>
      (await run(process.execPath, [commandScript, ...words], { env })).stdout.trim()
    await until('the agent', () => holdfast('status', '--json').then(() => true))
    const free = createServer().listen(0)
    const { port } = free.address() as AddressInfo
    free.close()
    await holdfast('folders', 'check', checked)
    await holdfast('settings', 'web', 'on', '--host', '0.0.0.0', '--port', String(port))
    const token = await holdfast('settings', 'web', 'token', 'add', 'desk', '--viewer')
    await use({ holdfast, port, token, checked })
    agent.kill('SIGTERM')
    if (agent.exitCode === null) await once(agent, 'exit')
    await rm(directory, TREE)
  },
})

test('computers: one is added, its failure is told here as one of this computer, and its window opens signed in', async ({
  desktop,
  station,
}) => {
  test.setTimeout(180_000)
  const running = await desktop.start()
  const { page, holdfast } = running
  const tray = await waitForTray(desktop.bus, { pid: holdfast.pid })
  const [, certificate = ''] =
    /Certificate: ([0-9a-f]{64})/.exec(await station.holdfast('settings', 'web')) ?? []

  await page.getByRole('button', { name: /^Add a computer/ }).click()
  const form = page.getByRole('dialog', { name: 'Add a computer' })
  await form.getByLabel('Address of its web page').fill(`127.0.0.1:${station.port}`)
  await form.getByLabel('Token').fill(station.token)
  await form.getByLabel('Name').fill('Roof')
  await form.getByRole('button', { name: 'Add', exact: true }).click()
  // Without TLS the connection fails, and nothing typed is lost.
  await expect(form.getByRole('alert')).toContainText('cannot be reached')
  await form.getByLabel('Address of its web page').fill(`https://127.0.0.1:${station.port}`)
  await form.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(form.getByText(certificate)).toBeVisible()
  await keepPicture(running, 'computers-form')
  expect(await findViolations(page, false)).toEqual([])
  await resize(running, ZOOMED)
  await keepPicture(running, 'computers-form-double')
  expect(await tooWide(page)).toEqual([])
  await resize(running, USUAL)
  await form.getByRole('button', { name: 'It is the right one' }).click()
  await expect(form).toBeHidden()
  const row = page.getByRole('region', { name: 'Roof' })
  await expect(row).toContainText('1 path is OK.')
  await expect(page.locator('.header')).toContainText('1 computer is OK.')

  await rm(station.checked, { recursive: true })
  await expect(row).toContainText('is missing', { timeout: 15_000 })
  const told = await desktop.notifications.waitFor('its failure', ({ body }) => body.startsWith('Roof: '))
  expect(told.summary).toBe('Computer failing: Roof')
  await expect(page.locator('.header')).toContainText('Roof reports a failure.')
  await until('the tooltip', async () =>
    (await readTray(desktop.bus, tray)).tooltip.includes('Roof reports a failure.'),
  )
  for (const [size, suffix] of [
    [USUAL, ''],
    [ZOOMED, '-double'],
    [WIDE, '-wide'],
  ] as const) {
    await resize(running, size)
    for (const language of ['en', 'zh-TW'] as const) {
      await page.evaluate((given) => window.holdfast.call('changeSettings', { language: given }), language)
      await expect(page.locator(`html[lang="${language}"]`)).toBeVisible()
      await keepPicture(running, `computers-${language}${suffix}`)
      expect(await tooWide(page)).toEqual([])
    }
  }
  await page.evaluate(() => window.holdfast.call('changeSettings', { language: 'en' }))
  await resize(running, USUAL)
  expect(await findViolations(page, false)).toEqual([])

  const opened = holdfast.application.waitForEvent('window')
  await row.getByRole('button', { name: 'Roof', exact: true }).click()
  const remote = await opened
  await expect(remote.getByText('The token “desk” may see everything but change nothing.')).toBeVisible()
  await expect(remote.locator('.header')).toContainText('is missing')
  // The page of the other computer reaches nothing of this one, and no other server.
  expect(
    await remote.evaluate(() => [
      typeof Reflect.get(window, 'holdfast'),
      typeof Reflect.get(window, 'require'),
    ]),
  ).toEqual(['undefined', 'undefined'])
  expect(await remote.evaluate(() => window.open('https://example.org/') === null)).toBe(true)
  const other = createServer((_request, response) => response.end('other')).listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  // Playwright waits for a navigation that is refused: the main process reports the address.
  const refused = remote.evaluate((to) => {
    location.href = to
  }, `http://127.0.0.1:${port}/`)
  await refused.catch(() => undefined)
  const visits = () =>
    holdfast.application.evaluate(async ({ BrowserWindow }) => {
      const window = BrowserWindow.getAllWindows().find(({ title }) => title === 'Roof')
      const text = await window?.webContents.executeJavaScript('document.body.textContent')
      return { url: window?.webContents.getURL(), text: String(text) }
    })
  expect(await visits()).toEqual({
    url: `https://127.0.0.1:${station.port}/`,
    text: expect.stringContaining('is missing'),
  })
  other.close()

  await mkdir(station.checked)
  await expect(row).toContainText('1 path is OK.', { timeout: 20_000 })
  await desktop.notifications.waitFor('its end', ({ summary }) => summary === 'Recovered: Roof')
  await row.getByRole('button', { name: 'Actions for Roof' }).click()
  await page.getByRole('menuitem', { name: 'Remove…' }).click()
  await page.getByRole('button', { name: 'Stop watching' }).click()
  await expect(row).toBeHidden()
  await until('the end of its window', () => remote.isClosed())
})
