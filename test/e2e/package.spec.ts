import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { FuseV1Options, FuseVersion, flipFuses } from '@electron/fuses'
import { expect, test } from '@playwright/test'
import { unpackedExecutable } from '../../build/package/configuration.mjs'
import { wrongFuses } from '../../build/package/fuses.mjs'
import { formatPairingCode } from '../../core/protocol/pairing-code.ts'
import { launchPackaged, type Packaged } from '../support/package/packaged.ts'
import { until } from '../support/until.ts'

const project = path.resolve(import.meta.dirname, '../..')
const executable = unpackedExecutable()

test.describe.configure({ mode: 'serial', timeout: 45_000 })

const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
let directory: string
let source: string
let packaged: Packaged

test.beforeAll(async () => {
  test.setTimeout(180_000)
  await promisify(execFile)(process.execPath, [path.join(project, 'build/package.mjs'), 'dir'])
  directory = await mkdtemp(path.join(tmpdir(), 'holdfast-package-'))
  source = path.join(directory, 'photos')
  await mkdir(source)
  await writeFile(path.join(source, 'one.txt'), 'one')
  // What would make a plain Electron run a script of somebody's own, or open it to a debugger.
  const words = [...asRoot, '--inspect=0', path.join(source)]
  packaged = await launchPackaged([executable, ...words], {
    HOLDFAST_HOME: path.join(directory, 'data'),
    ELECTRON_RUN_AS_NODE: '1',
    NODE_OPTIONS: '--require=own.js',
  })
})

test.afterAll(async () => {
  await packaged?.close()
  await rm(directory, { recursive: true, force: true })
})

/**
 * Whether this binary, told to be plain Node.js, runs a script of somebody's own. The one that does not hands over to
 * the one that is there already, and ends. Node.js leaves root's word for Chromium alone behind the directory.
 */
async function runsScript(binary: string): Promise<boolean> {
  const mark = path.join(directory, `ran-${path.basename(path.dirname(binary))}`)
  const script = `--eval=require('fs').writeFileSync('${mark}', '')`
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1', HOLDFAST_HOME: path.join(directory, 'data') }
  await promisify(execFile)(binary, [script, source, ...asRoot], { env, timeout: 20_000 })
  return existsSync(mark)
}

test('packaged application: its fuses are as configured', async () => {
  expect(await wrongFuses(executable)).toEqual([])
})

test('packaged application: it runs no foreign script; a copy with one fuse flipped does', async () => {
  const copy = path.join(directory, 'flipped')
  await cp(path.dirname(executable), copy, { recursive: true })
  const flipped = path.join(copy, path.basename(executable))
  await flipFuses(flipped, { version: FuseVersion.V1, [FuseV1Options.RunAsNode]: true })
  expect(await wrongFuses(flipped)).toEqual(['runAsNode'])
  expect(await runsScript(flipped)).toBe(true)
  expect(await runsScript(executable)).toBe(false)
})

test('packaged application: no environment variable or argument makes it run a script or listen for a debugger', async () => {
  await expect(packaged.page.getByRole('article', { name: 'photos' })).toBeVisible()
  // Where its fuse lets NODE_OPTIONS in, Electron says of most of them that it does without.
  expect(packaged.output()).not.toMatch(/Debugger listening|NODE_OPTION/)
})

test('packaged application: a file of a protected directory is copied', async () => {
  await until('the file in the copy', async () => {
    const names = await readdir(path.join(directory, 'data/store'), { recursive: true })
    return names.some((name) => name.endsWith('photos/one.txt'))
  })
})

test('packaged application: its page runs no inline script or style, and dialogs need none', async () => {
  const { page } = packaged
  const refused: string[] = []
  page.on('console', (said) => {
    if (said.text().includes('Content Security Policy')) refused.push(said.text())
  })
  const answer = await page.reload()
  const policy = (await answer?.allHeaders())?.['content-security-policy'] ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toContain('unsafe')
  await page.getByRole('tab', { name: 'Destinations' }).click()
  await page.getByRole('main').getByRole('button', { name: 'Add destination' }).click()
  await expect(page.getByRole('dialog')).toBeVisible()
  await page.keyboard.press('Escape')
  expect(refused).toEqual([])
  const done = await page.evaluate(() => {
    const add = (name: string, text: string) => {
      const element = document.createElement(name)
      element.textContent = text
      document.head.append(element)
    }
    add('script', 'window.ranInline = true')
    add('style', 'body { outline-width: 7px; outline-style: solid }')
    return ['ranInline' in window, getComputedStyle(document.body).outlineWidth]
  })
  expect(done).toEqual([false, '0px'])
})

test('packaged application: its page has no Node.js, no permissions, no other window and no other address', async () => {
  const { page } = packaged
  const found = await page.evaluate(async () => {
    const state = async (name: string) =>
      (await navigator.permissions.query({ name: name as PermissionName })).state
    const opened = window.open('https://example.com') !== null
    const link = Object.assign(document.createElement('a'), { href: 'https://example.com', target: '_blank' })
    document.body.append(link)
    link.click()
    link.remove()
    return {
      node: ['require', 'process', 'module', 'Buffer'].filter((name) => name in window),
      permissions: [await state('geolocation'), await state('camera'), Notification.permission],
      asked: await Notification.requestPermission(),
      opened,
    }
  })
  expect(found).toEqual({
    node: [],
    permissions: ['denied', 'denied', 'denied'],
    asked: 'denied',
    opened: false,
  })
  await page.evaluate(() => window.location.assign('https://example.com/'))
  // Wherever it is now, it loads that again.
  await page.reload()
  await expect(page.getByRole('tab', { name: 'Overview' })).toBeVisible()
  expect(page.url()).toMatch(/^holdfast-page:/)
  expect(page.context().pages()).toHaveLength(1)
})

test('packaged application: its page protocol serves no file outside of the page', async () => {
  const { page } = packaged
  const getStatus = async (address: string) => (await page.goto(`holdfast-page://${address}`))?.status()
  expect(await getStatus('window/index.html')).toBe(200)
  expect(await getStatus('window/..%2fmain%2findex.js')).toBe(404)
  await page.goto('holdfast-page://window/index.html')
})

test('packaged application: a pairing link fills the form of the running instance, and connects only after a click', async () => {
  const { page } = packaged
  let connections = 0
  const server = createServer((socket) => {
    connections += 1
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const code = { host: '127.0.0.1', port, code: 'abc123', fingerprint: 'a'.repeat(64), name: 'elsewhere' }
  const link = formatPairingCode(code)
  const env = { ...process.env, HOLDFAST_HOME: path.join(directory, 'data') }
  await promisify(execFile)(executable, [...asRoot, link], { env })
  const field = page.getByRole('textbox', { name: 'Pairing code' })
  await expect(field).toHaveValue(link)
  await expect(page.getByRole('dialog')).toContainText(`127.0.0.1:${port}`)
  expect(connections).toBe(0)
  await page.getByRole('button', { name: 'Connect' }).click()
  await until('the connection that a person asked for', () => connections > 0)
  server.close()
})
