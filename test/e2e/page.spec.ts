import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import net from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { _electron, test as base, expect, type Locator, type Page } from '@playwright/test'
import type { CommandInput, Commands } from '../../core/agent/contract.ts'
import { commandScript } from '../support/cli/command-script.ts'
import { startOnTerminal } from '../support/cli/on-terminal.ts'
import { electronExecutable } from '../support/desktop/launch.ts'
import { recordNotifications } from '../support/desktop/notifications.ts'
import { type Mounted, mountTmpfs } from '../support/faults/mounts.ts'
import { until } from '../support/until.ts'
import {
  findViolations,
  keepPicture,
  resize,
  type Shown,
  standStill,
  tooWide,
  USUAL,
  WIDE,
  ZOOMED,
} from './look/look.ts'
import { openSection } from './sections.ts'

const run = promisify(execFile)
const browser = path.resolve(import.meta.dirname, '../support/desktop/browser')

interface Served {
  directory: string
  address: string
  /** Runs `holdfast …` for the agent, and returns its output. */
  holdfast(...words: string[]): Promise<string>
  disk: Mounted
  /** Opens the page in a browser that records its requests. */
  browse(language?: string, address?: string, certificate?: string): Promise<Shown>
  /** Addresses of all requests. */
  requests: string[]
}

/** An agent without a desktop, with a web page. */
const test = base.extend<{ served: Served }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from this pattern.
  served: async ({}, use) => {
    const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-page-'))
    const undo: (() => Promise<unknown>)[] = [
      async () => rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }),
    ]
    const disk = await mountTmpfs((cleanup) => undo.push(cleanup))
    const env = { ...process.env, HOLDFAST_HOME: path.join(directory, 'data'), HOME: directory, LANG: 'C' }
    const agent = spawn(process.execPath, [commandScript, 'agent'], { env, stdio: 'ignore' })
    undo.push(async () => {
      agent.kill('SIGTERM')
      if (agent.exitCode === null) await once(agent, 'exit')
    })
    const holdfast = async (...words: string[]) =>
      (await run(process.execPath, [commandScript, ...words], { env })).stdout.trim()
    await until('the agent', () => holdfast('status', '--json').then(() => true))
    const address = await holdfast('settings', 'web', 'on', '--port', String(await freePort()))
    const requests: string[] = []
    const browse = async (language = 'en', at = address.split('\n')[0] ?? '', certificate = '') => {
      const downloads = mkdtempSync(path.join(directory, 'downloads-'))
      const application = await _electron.launch({
        executablePath: await electronExecutable(),
        args: [
          ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
          ...[`--lang=${language}`, browser, at, downloads, certificate],
        ],
      })
      undo.push(() => application.close())
      const page = await application.firstWindow()
      page.on('request', (request) => requests.push(request.url()))
      await standStill(page)
      return { holdfast: { application }, page }
    }
    await use({ directory, address: address.split('\n')[0] ?? '', holdfast, disk, browse, requests })
    for (const action of undo.reverse()) await action()
  },
})

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0)
  const { port } = server.address() as net.AddressInfo
  await new Promise((closed) => server.close(closed))
  return port
}

/** Sends a command as the page does. */
const call = <C extends keyof Commands>(page: Page, command: C, input: CommandInput<C>): Promise<unknown> =>
  page.evaluate(
    async ([name, body]) => {
      const headers = { 'x-holdfast': '1', 'content-type': 'application/json' }
      return (await fetch(`api/commands/${name}`, { method: 'POST', headers, body })).json()
    },
    [command, JSON.stringify(input)] as const,
  )

/** Checks what is foremost with axe-core and at 200 pixels, and keeps pictures of it. */
async function look(shown: Shown, name: string, language = 'en', part?: Locator): Promise<void> {
  const { page } = shown
  const scroll = () => part?.evaluate((one) => one.scrollIntoView())
  await scroll()
  await keepPicture(shown, `page-${name}-${language}`)
  expect(await findViolations(page, false)).toEqual([])
  await resize(shown, ZOOMED)
  await scroll()
  await keepPicture(shown, `page-${name}-${language}-double`)
  expect(await tooWide(page)).toEqual([])
  await resize(shown, WIDE)
  await scroll()
  await keepPicture(shown, `page-${name}-${language}-wide`)
  await resize(shown, USUAL)
}

async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token', { exact: true }).fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

async function signOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'More', exact: true }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await expect(page.getByLabel('Token', { exact: true })).toBeVisible()
}

/** Goes from the home, in which the dialog begins, to a folder in it. */
async function chooseFolder(page: Page, ...names: string[]): Promise<void> {
  const dialog = page.getByRole('dialog').last()
  for (const name of names) await dialog.getByRole('button', { name, exact: true }).click()
  await expect(dialog.getByRole('textbox', { name: 'Folder' })).toHaveValue(new RegExp(`/${names.at(-1)}$`))
  await dialog.getByRole('button', { name: 'Choose this folder' }).click()
}

test('web page: a person signs in, protects a folder, sees a fault and its end, and restores a file', async ({
  served,
}) => {
  const { directory, holdfast, disk, requests } = served
  const photos = path.join(directory, 'pictures', 'photos')
  await mkdir(photos, { recursive: true })
  await mkdir(path.join(directory, 'backup'))
  await writeFile(path.join(photos, 'IMG_1.jpg'), 'a photo')
  const token = await holdfast('settings', 'web', 'token', 'add', 'ada')
  const shown = await served.browse()
  const { page } = shown

  await test.step('a wrong token is refused', async () => {
    await signIn(page, 'wrong')
    await expect(page.getByText('There is no such token here.')).toBeVisible()
    await look(shown, 'sign-in')
    await signIn(page, token)
  })

  const steps = page.getByRole('region', { name: 'First steps' })
  await test.step('the first run has no step for logins, and adds folders by its own dialog', async () => {
    await expect(steps).toContainText('Step 1 of 4')
    await expect(steps).not.toContainText('dropped')
    await steps.getByRole('button', { name: 'Add folder' }).click()
    const dialog = page.getByRole('dialog', { name: 'Choose a folder to protect' })
    await expect(dialog.getByRole('button', { name: 'pictures', exact: true })).toBeVisible()
    await look(shown, 'folders')
    const field = dialog.getByRole('textbox', { name: 'Folder' })
    await field.fill('/nowhere')
    await expect(dialog).toContainText('/nowhere cannot be listed: no such file or folder.')
    await expect(dialog.getByRole('button', { name: 'Choose this folder' })).toBeDisabled()
    await dialog.getByRole('button', { name: 'Up', exact: true }).click()
    await expect(dialog.getByRole('button', { name: 'pictures', exact: true })).toBeVisible()
    // By keyboard: down to the folder, into it, and Enter in the field chooses.
    await field.press('Tab')
    await page.keyboard.press('End')
    await page.keyboard.press('Enter')
    await expect(field).toHaveValue(path.dirname(photos))
    await chooseFolder(page, 'photos')
    await expect(steps).toContainText(photos)
    await steps.getByRole('button', { name: 'Next', exact: true }).click()
    await steps.getByRole('button', { name: /^Folder/ }).click()
    await steps.getByRole('button', { name: 'Choose…' }).click()
    await chooseFolder(page, 'backup')
    await steps.getByRole('button', { name: 'Test', exact: true }).click()
    await steps.getByRole('button', { name: 'Add', exact: true }).click()
    await steps.getByRole('button', { name: 'Next', exact: true }).click()
    await steps.getByRole('button', { name: 'Next', exact: true }).click()
    await expect(steps).toContainText('Step 4 of 4')
    await expect(steps).not.toContainText(/log in|This desktop/)
    await expect(steps).toContainText('No notifications are sent')
    await steps.getByRole('button', { name: 'Done' }).click()
  })

  const card = page.getByRole('article', { name: 'photos' })
  const status = page.locator('.header')
  await test.step('its file is copied', async () => {
    await expect(card).toContainText('1 copied')
    await look(shown, 'overview')
  })

  await test.step('a disk that turns read-only is in the header until it is writable', async () => {
    await call(page, 'changeSettings', { check: { intervalSeconds: 1 } })
    await call(page, 'addCheckedPath', { path: disk.point })
    await expect(page.getByRole('region', { name: 'Only checked' })).toBeVisible()
    await disk.remount('ro')
    await expect(status).toHaveAttribute('data-level', 'failing')
    await expect(status).toContainText('read-only')
    await disk.remount('rw')
    await expect(status).not.toHaveAttribute('data-level', 'failing')
  })

  await test.step('a deleted file is put back', async () => {
    await rm(path.join(photos, 'IMG_1.jpg'))
    await page.getByRole('button', { name: 'Actions for photos' }).click()
    await expect(page.getByRole('menuitem', { name: 'Show folder' })).toHaveCount(0)
    await page.getByRole('menuitem', { name: 'Restore…' }).click()
    await page.getByRole('button', { name: 'Restore all of this…' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Put back', exact: true }).click()
    await expect(dialog).toContainText('was restored')
    expect(await readFile(path.join(photos, 'IMG_1.jpg'), 'utf8')).toBe('a photo')
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click()
  })

  await test.step('the menu of a file has what a browser can do, and its page says where the file is', async () => {
    await page.getByRole('tab', { name: /Transfers/ }).click()
    await page.getByRole('button', { name: 'Actions for IMG_1.jpg' }).click()
    await expect(page.getByRole('menuitem')).toHaveText(['Where is it', 'Versions', 'Restore…', 'Copy path'])
    await page.getByRole('menuitem', { name: 'Where is it' }).click()
    const dialog = page.getByRole('dialog', { name: 'IMG_1.jpg' })
    await expect(dialog).toContainText('Copied, but on this computer only.')
    await expect(dialog.getByRole('button', { name: 'Open', exact: true })).toHaveCount(0)
    await dialog.getByRole('button', { name: 'Close' }).click()
    await page.getByRole('tab', { name: /Overview/ }).click()
  })

  await test.step('an interruption is shown, and a new session is asked for', async () => {
    await holdfast('settings', 'web', 'off')
    await expect(status).toContainText('The connection to the computer is interrupted.')
    await holdfast('settings', 'web', 'on', '--port', new URL(served.address).port)
    await expect(page.getByText('Sign in with a token of this computer.')).toBeVisible()
    await signIn(page, token)
    await expect(card).toBeVisible()
  })

  expect(new Set(requests.map((address) => new URL(address).origin))).toEqual(
    new Set([new URL(served.address).origin]),
  )
})

test('web page: the link that a terminal prints leads to the first run and the first copied file, once', {
  tag: '@story',
}, async ({ served }) => {
  const { directory, requests } = served
  const photos = path.join(directory, 'photos')
  await mkdir(photos)
  await writeFile(path.join(photos, 'IMG_1.jpg'), 'a photo')
  const data = path.join(directory, 'terminal-data')
  const terminal = startOnTerminal(['agent', '--data', data], { HOME: directory })
  try {
    const link = await terminal.link()
    const shown = await served.browse('en', link)
    const { page } = shown
    const steps = page.getByRole('region', { name: 'First steps' })
    const card = page.getByRole('article', { name: 'photos' })

    await test.step('a folder is added, and its file is copied', async () => {
      await steps.getByRole('button', { name: 'Add folder' }).click()
      await chooseFolder(page, 'photos')
      await expect(steps).toContainText(photos)
      for (const name of ['Next', 'Later', 'Next', 'Done'])
        await steps.getByRole('button', { name, exact: true }).click()
      await expect(card).toContainText('1 copied')
    })

    await test.step('the secret is in no request and no longer in the address; the browser stays signed in', async () => {
      const { origin, hash } = new URL(link)
      expect(page.url()).toBe(`${origin}/`)
      expect(requests.join()).not.toContain(hash)
      await page.reload()
      await expect(card).toBeVisible()
    })

    await test.step('another browser is refused with the command, and a new link signs it in in its tab', async () => {
      const other = await served.browse('en', link)
      const { page: second } = other
      await expect(second.getByText('This link no longer signs in')).toBeVisible()
      await look(other, 'used-link')
      const env = { ...process.env, HOLDFAST_HOME: data }
      const words = [commandScript, 'settings', 'web', 'link', '--json']
      const printed = JSON.parse((await run(process.execPath, words, { env })).stdout)
      await second.goto(printed.link)
      await expect(second.getByRole('article', { name: 'photos' })).toBeVisible()
    })
  } finally {
    await terminal.stop()
  }
})

test('web page: with TLS, a fault is seen, and notified once by the browser although two tabs are open', async ({
  served,
}) => {
  const { holdfast, disk } = served
  const recorder = await recordNotifications()
  await holdfast('settings', 'web', 'on', '--host', '0.0.0.0')
  const { address, certificate } = JSON.parse(await holdfast('settings', 'web', '--json'))
  expect(address).toMatch(/^https:/)
  // An address of this computer in its network, if it has one.
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
  const own = addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
  const at = `https://${own}:${new URL(address).port}/`
  const shown = await served.browse('en', at, certificate)
  const { page } = shown
  const { application } = shown.holdfast
  await signIn(page, await holdfast('settings', 'web', 'token', 'add', 'eve', '--viewer'))
  await expect(page.getByRole('tab', { name: /^Overview/ })).toBeVisible()
  const cookies = await application.evaluate(({ session }) => session.defaultSession.cookies.get({}))
  expect(cookies).toMatchObject([{ secure: true, httpOnly: true, sameSite: 'strict' }])
  expect(await page.evaluate(() => window.isSecureContext)).toBe(true)

  await openSection(page, 'settings.notifications')
  const row = page.getByRole('region', { name: 'Notifications in this browser' })
  await row.scrollIntoViewIfNeeded()
  await look(shown, 'browser-notifications', 'en', row)
  const toggle = row.getByRole('switch')
  await test.step('a browser that refuses them is named as the reason', async () => {
    await application.evaluate(({ session }) =>
      session.defaultSession.setPermissionCheckHandler(
        (_contents, permission) => permission !== 'notifications',
      ),
    )
    await page.reload()
    // The section is kept.
    await page.getByRole('tab', { name: /^Settings/ }).click()
    await expect(row).toContainText('This browser blocks the notifications of this page.')
    await expect(toggle).toBeDisabled()
    await look(shown, 'browser-denied', 'en', row)
    await application.evaluate(({ session }) => session.defaultSession.setPermissionCheckHandler(null))
    await page.reload()
    await page.getByRole('tab', { name: /^Settings/ }).click()
  })
  await expect(toggle).not.toBeChecked()
  await row.locator('label').first().click()
  await expect(toggle).toBeChecked()
  await recorder.waitFor('the example', ({ summary }) => summary === 'Notifications in this browser')

  const opened = application.waitForEvent('window')
  await application.evaluate(({ BrowserWindow }, to) => {
    void new BrowserWindow({ width: 400, height: 640 }).loadURL(to)
  }, at)
  const second = await opened
  await openSection(second, 'settings.notifications')
  // The choice is that of the browser.
  await expect(
    second.getByRole('region', { name: 'Notifications in this browser' }).getByRole('switch'),
  ).toBeChecked()

  await holdfast('folders', 'check', disk.point)
  await expect(page.getByRole('banner')).toContainText('OK')
  await disk.remount('ro')
  for (const one of [page, second])
    await expect(one.getByRole('banner')).toContainText('read-only', { timeout: 60_000 })
  const begins = ({ summary }: { summary: string }) => summary === `Read-only: ${disk.point}`
  const { body } = await recorder.waitFor('its beginning', begins)
  expect(body).toContain(disk.point)
  await test.step('after the first tab is closed, the second one notifies', async () => {
    await page.close()
    await disk.remount('rw')
    await recorder.waitFor('its end', ({ summary }) => summary === `Ended: ${disk.point}`)
  })
  expect(recorder.all.filter(begins)).toHaveLength(1)
  recorder.stop()
})

test('web page: a user whom a reverse proxy has signed in needs no token, and has no session to end', {
  tag: '@story',
}, async ({ served }) => {
  const { holdfast } = served
  const target = new URL(served.address)
  await holdfast('settings', 'web', 'on', '--proxy', '127.0.0.1', '--user-header', 'X-Remote-User')
  const proxy = createServer((incoming, response) => {
    const { method, url: path = '/', headers } = incoming
    const passed = request(
      {
        host: target.hostname,
        port: target.port,
        path,
        method,
        headers: { ...headers, 'x-remote-user': 'eve' },
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    // The page is served anew after a change of its settings.
    passed.on('error', () => response.destroy())
    incoming.pipe(passed)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port } = proxy.address() as net.AddressInfo
  const { page } = await served.browse('en', `http://127.0.0.1:${port}/`)
  const note = page.getByText('The user “eve” may see everything but change nothing.')
  await expect(note).toBeVisible()
  await page.getByRole('button', { name: 'More', exact: true }).click()
  await expect(page.getByRole('menuitem', { name: 'Save diagnostics file…' })).toBeVisible()
  await expect(page.getByRole('menuitem', { name: 'Sign out' })).toHaveCount(0)
  await holdfast('settings', 'web', 'on', '--operator', 'eve')
  await page.reload()
  await expect(page.getByRole('tab', { name: /^Overview/ })).toBeVisible()
  await expect(note).toHaveCount(0)
  await call(page, 'pause', { minutes: 15 })
  const [latest = ''] = (await holdfast('changes', '--json')).split('\n')
  expect(JSON.parse(latest)).toMatchObject({ by: { via: 'page', name: 'eve' } })
  proxy.closeAllConnections()
  proxy.close()
})

test('web page: the list of checksums of a folder is a download, and a bag is not offered', async ({
  served,
}) => {
  const { directory, holdfast, browse } = served
  const source = path.join(directory, 'scans')
  await mkdir(source)
  await writeFile(path.join(source, 'one'), 'content of one')
  await holdfast('folders', 'add', source, '--digests', 'sha256,md5')
  const shown = await browse()
  const { page } = shown
  await signIn(page, await holdfast('settings', 'web', 'token', 'add', 'eve', '--viewer'))
  await expect(page.getByText('1 file is copied on this computer only.')).toBeVisible({ timeout: 60_000 })
  await page.getByRole('article', { name: 'scans' }).click()
  await page.getByText('Rules', { exact: true }).click()
  const part = page.getByRole('region', { name: 'Checksums for archives' })
  const form = part.getByRole('combobox', { name: 'List' })
  await expect(form.getByRole('option')).toHaveText(['For sha256sum', 'For md5sum', 'RO-Crate'])
  await form.selectOption('md5sum')
  await part.getByRole('button', { name: 'Save list…' }).click()
  await expect(part.getByText('1 file is in the downloaded list.')).toBeVisible()
  const file = await until('the file', async () =>
    (await run('find', [directory, '-name', 'md5sums.txt'])).stdout.trim(),
  )
  expect((await run('md5sum', ['--strict', '-c', file], { cwd: source })).stdout).toBe('one: OK\n')
  await look(shown, 'checksums', 'en', part)
})

test('web page: tokens are managed in the settings; a viewer is refused; a removed token is signed out', async ({
  served,
}) => {
  const { holdfast, directory } = served
  await mkdir(path.join(directory, 'photos'))
  const shown = await served.browse()
  const { page } = shown
  await signIn(page, await holdfast('settings', 'web', 'token', 'add', 'ada'))
  await call(page, 'addCheckedPath', { path: path.join(directory, 'photos') })
  await openSection(page, 'settings.network.title')
  const part = page.getByRole('region', { name: 'Web page' })
  const dialog = page.getByRole('dialog')
  await expect(part).toContainText(served.address)
  await expect(part.getByRole('region', { name: 'ada' })).toContainText('may change')
  await part.getByRole('button', { name: 'Add token…' }).click()
  await dialog.getByRole('textbox', { name: 'Name of the token' }).fill('screen')
  await look(shown, 'add-token')
  await dialog.getByRole('button', { name: 'Add token' }).click()
  const token = (await dialog.locator('.command').textContent()) ?? ''
  await keepPicture(shown, 'page-token')
  await dialog.getByRole('button', { name: 'Close' }).last().click()
  await expect(part.getByRole('region', { name: 'screen' })).toContainText('may view')
  await look(shown, 'settings', 'en', part)
  await test.step('a reverse proxy is trusted with its users', async () => {
    const field = (name: string) => part.getByRole('textbox', { name, exact: true })
    await field('Addresses of proxies').fill('10.0.0.300')
    await page.keyboard.press('Enter')
    await expect(part).toContainText('Enter at most 20 addresses or networks')
    await field('Addresses of proxies').fill('10.0.0.5, 10.1.0.0/16')
    await page.keyboard.press('Enter')
    await field('Header with the user').fill('X-Remote-User')
    await page.keyboard.press('Enter')
    await field('Operators').fill('ada, Bo Li')
    await page.keyboard.press('Enter')
    await field('Socket').fill('web.sock')
    await page.keyboard.press('Enter')
    await expect(part).toContainText('Enter a complete path of at most 103 bytes')
    const proxy = { addresses: ['10.0.0.5', '10.1.0.0/16'], userHeader: 'X-Remote-User', role: 'viewer' }
    const saved = async () => JSON.parse(await holdfast('settings', 'web', '--json')).settings.proxy
    await expect.poll(saved).toEqual({ ...proxy, operators: ['ada', 'Bo Li'] })
    await look(shown, 'settings-proxy', 'en', part.getByRole('heading', { name: 'Reverse proxy' }))
    await field('Addresses of proxies').fill('')
    await page.keyboard.press('Enter')
    await expect(field('Header with the user')).toHaveCount(0)
  })
  await openSection(page, 'settings.general')
  await expect(page.getByRole('button', { name: 'Export…' })).toBeVisible()
  await expect(page.getByRole('switch', { name: /^Start at login/ })).toHaveCount(0)
  await openSection(page, 'settings.network.title')
  await part.getByRole('switch', { name: 'Serve this window as a web page' }).click()
  await expect(dialog).toContainText('You are using this page yourself.')
  await dialog.getByRole('button', { name: 'Cancel' }).click()

  await test.step('the diagnostics file is a download', async () => {
    await page.getByRole('button', { name: 'More', exact: true }).click()
    await page.getByRole('menuitem', { name: 'Save diagnostics file…' }).click()
    const saved = async () => (await run('find', [directory, '-name', 'holdfast-diagnostics.zip'])).stdout
    await until('the file', async () => (await saved()) !== '')
  })

  await test.step('a viewer sees everything and is refused changes', async () => {
    await signOut(page)
    await signIn(page, token)
    await expect(page.getByText('The token “screen” may see everything but change nothing.')).toBeVisible()
    await page.getByRole('tab', { name: /^Overview/ }).click()
    await page.getByRole('button', { name: 'Pause…' }).click()
    await page.getByRole('menuitem', { name: 'For 15 min' }).click()
    await expect(page.getByRole('alert')).toContainText('may see everything but change nothing')
    await look(shown, 'viewer')
  })

  await test.step('its removal signs it out', async () => {
    await holdfast('settings', 'web', 'token', 'remove', 'screen')
    await expect(page.getByLabel('Token', { exact: true })).toBeVisible()
    await expect(page.getByText('Sign in with a token of this computer.')).toBeVisible()
  })

  if (process.env.HOLDFAST_PICTURES) {
    const chinese = await served.browse('zh-TW')
    await look(chinese, 'sign-in', 'zh-TW')
    await chinese.page
      .getByLabel('權杖', { exact: true })
      .fill(await holdfast('settings', 'web', 'token', 'add', 'bo'))
    await chinese.page.getByRole('button', { name: '登入' }).click()
    await expect(chinese.page.getByRole('tab').first()).toBeVisible()
    await call(chinese.page, 'changeSettings', { language: 'zh-TW', theme: 'dark' })
    await chinese.page.getByRole('button', { name: '加入資料夾' }).click()
    await expect(chinese.page.getByRole('dialog').getByRole('button', { name: 'photos' })).toBeVisible()
    await look(chinese, 'folders', 'zh-TW')
    await chinese.page.keyboard.press('Escape')
    await openSection(chinese.page, 'settings.network.title')
    const there = chinese.page.getByRole('region', { name: '網頁', exact: true })
    await look(chinese, 'settings', 'zh-TW', there)
    await holdfast('settings', 'web', 'on', '--proxy', '10.0.0.5', '--user-header', 'X-Remote-User')
    const heading = there.getByRole('heading', { name: '反向代理' })
    await expect(there.getByRole('textbox', { name: '使用者標頭' })).toBeVisible()
    await look(chinese, 'settings-proxy', 'zh-TW', heading)
    await openSection(chinese.page, 'settings.notifications')
    await look(chinese, 'browser', 'zh-TW', chinese.page.getByRole('region', { name: '此瀏覽器的通知' }))
  }
})
