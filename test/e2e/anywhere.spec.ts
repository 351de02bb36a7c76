import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Locator, Page } from '@playwright/test'
import { chooseDirectory } from '../support/desktop/dialog.ts'
import { type ApacheServer, startApache } from '../support/servers/apache.ts'
import { makeBucket } from '../support/servers/buckets.ts'
import { localCertificate } from '../support/servers/certificate.ts'
import { openProxy } from '../support/servers/open-proxy.ts'
import { startStorageServer, stopStorageServers } from '../support/servers/servers.ts'
import { startSftpServer } from '../support/servers/sftp.ts'
import { until } from '../support/until.ts'
import { makeSource, openedByAge, readFacts } from './anywhere-files.ts'
import { wipeAndRestore } from './anywhere-restore.ts'
import { type Desktop, expect, type Running, TREE, test } from './desktop.ts'
import { pictures } from './pictures.ts'
import { openDestination } from './sections.ts'

let base: string
test.beforeEach(() => {
  base = mkdtempSync(path.join(tmpdir(), 'holdfast-anywhere-'))
})
test.afterEach(() => rmSync(base, TREE))

/** The form of a new destination of a kind. */
async function openForm(page: Page, kind: RegExp): Promise<Locator> {
  await page.getByRole('tab', { name: /Destinations/ }).click()
  await page.getByRole('main').getByRole('button', { name: 'Add destination' }).click()
  await page.getByRole('button', { name: kind }).click()
  return page.getByRole('dialog')
}

/** It works as it stands in the form, and is added; everything of the source arrives there. */
async function addAndShip({ page, state }: Running, form: Locator, name: string): Promise<void> {
  const result = form.getByRole('region', { name: 'Result of the test' })
  await expect(result).toContainText(`${name} works`)
  if (process.env.HOLDFAST_PICTURES) {
    await result.scrollIntoViewIfNeeded()
    await pictures(page, `tested-${name}`, 'themes')
  }
  await form.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(page.getByText('The destination is added.')).toBeVisible()
  await until('all files to be there', async () => (await state()).destinations[0]?.totals.sentFiles === 4)
  await expect(page.getByRole('article', { name })).toContainText(/4 (safe|copied here)/)
}

const computeFingerprint = (cert: string) =>
  new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase()

/** Adds a folder of a WebDAV server once its certificate is confirmed; everything arrives there, too. */
async function addWebdav({ page, state }: Running, server: ApacheServer): Promise<void> {
  const form = await openForm(page, /^WebDAV/)
  await form.getByRole('textbox', { name: 'Address' }).fill(server.url)
  await form.getByRole('textbox', { name: 'User' }).fill(server.user)
  await form.getByLabel('Password').fill(server.password)
  await form.getByRole('textbox', { name: 'Name in Holdfast' }).fill('webdav')
  await form.getByRole('button', { name: 'Test' }).click()
  await expect(form).toContainText(server.certificate)
  await form.getByRole('button', { name: 'It is the right one' }).click()
  await expect(form.getByRole('region', { name: 'Result of the test' })).toContainText('webdav works')
  await pictures(page, 'webdav', 'themes')
  await form.getByRole('button', { name: 'Add', exact: true }).click()
  await until('all files to be there', async () => (await state()).destinations[1]?.totals.sentFiles === 4)
  await expect(await openDestination(page, 'webdav')).toContainText(server.url)
}

type SftpServer = Awaited<ReturnType<typeof startSftpServer>>

async function fillSftp(page: Page, server: SftpServer): Promise<Locator> {
  const form = await openForm(page, /^SFTP/)
  await form.getByRole('textbox', { name: 'Host' }).fill('127.0.0.1')
  await form.getByRole('textbox', { name: 'Port' }).fill(String(server.port))
  await form.getByRole('textbox', { name: 'User' }).fill(server.user)
  await form.getByRole('combobox', { name: 'Log in with' }).selectOption('Key file')
  await form.getByRole('textbox', { name: 'Key file' }).fill(server.keyFile)
  await form.getByRole('textbox', { name: 'Name in Holdfast' }).fill('nas')
  await form.getByRole('button', { name: 'Test' }).click()
  return form
}

/** The server has another address, and its key still: it is tested there, then saved. */
async function moveTo(page: Page, name: string, host: string): Promise<void> {
  await page.getByRole('button', { name: `Actions for ${name}` }).click()
  await page.getByRole('menuitem', { name: 'Edit…' }).click()
  const form = page.getByRole('dialog')
  await form.getByRole('textbox', { name: 'Host' }).fill(host)
  await pictures(page, 'move', 'themes')
  await form.getByRole('button', { name: 'Test' }).click()
  await form.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('Saved.')).toBeVisible()
}

/** The computer was set up anew: its former folder is another one's, whose files it chooses. */
async function restoreAnew({ page, state }: Running, server: SftpServer, before: object): Promise<void> {
  const form = await fillSftp(page, server)
  await form.getByRole('button', { name: 'It is the right one' }).click()
  await expect(form).toContainText('Choose another folder name')
  await expect(form).not.toContainText('owner.json')
  await pictures(page, 'foreign-folder', 'themes')
  await form.getByRole('textbox', { name: /^This computer.s folder/ }).fill('new-pc')
  await form.getByRole('button', { name: 'Test' }).click()
  await expect(form.getByRole('region', { name: 'Result of the test' })).toContainText('nas works')
  await form.getByRole('button', { name: 'Add', exact: true }).click()
  await restoreOther({ page, state }, 'nas', before)
}

/** Nothing of this computer is there; what another one has there comes back. */
async function restoreOther(
  { page, state }: Pick<Running, 'page' | 'state'>,
  name: string,
  before: object,
  key?: string,
): Promise<void> {
  await page.getByRole('tab', { name: /Destinations/ }).click()
  await page.getByRole('button', { name: 'Restore files' }).click()
  const rows = page.getByRole('region', { name: 'Files to restore' })
  const all = rows.getByRole('button', { name: 'Restore everything…' })
  // A folder that has not been connected to since does not know this computer at all.
  await expect(rows).toContainText(/has no files of this computer|has no folder of this computer/)
  await expect(all).toBeDisabled()
  await pictures(page, `nothing-here-${name}`)
  await rows.getByRole('combobox', { name: 'Files of' }).selectOption({ index: 1 })
  if (key === undefined) await expect(rows.getByRole('button', { name: 'photos' })).toBeVisible()
  else await expect(rows).toContainText('This computer hid its names.')
  await pictures(page, `other-computer-${name}`)
  await all.click()
  const to = path.join(base, 'anew')
  const dialog = page.getByRole('dialog')
  await expect(dialog).toContainText(` at ${name}.`)
  await expect(dialog.getByRole('radio', { name: 'Where it was' })).toBeDisabled()
  await dialog.getByRole('textbox', { name: 'Folder' }).fill(to)
  if (key !== undefined) await dialog.getByLabel('Encryption key').fill(key)
  await dialog.getByRole('button', { name: 'Restore', exact: true }).click()
  await until('the restore to end', async () => (await state()).restore?.phase === 'done')
  expect(await readFacts(path.join(to, 'photos'))).toEqual(before)
  await pictures(page, `restored-other-${name}`)
}

/** What made this computer known is gone, and its settings. */
async function setUpAnew({ dataDirectory }: Desktop, { holdfast }: Running): Promise<void> {
  await holdfast.close()
  await rm(dataDirectory, TREE)
  await mkdir(dataDirectory)
}

const buildSettings = (source: string) => ({
  settings: { sources: [{ id: 's', path: source, name: 'photos' }] },
})

/** Switches encryption on in a form, and keeps the key. */
async function encrypt(form: Locator): Promise<string> {
  await form.getByRole('switch', { name: 'Encrypt the files' }).click()
  const key = await form.getByText(/^AGE-SECRET-KEY-1/).textContent()
  await form.getByRole('button', { name: 'Test' }).click()
  await expect(form).toContainText('Keep the encryption key first')
  await form.getByRole('checkbox', { name: 'I have kept it elsewhere' }).check()
  return key ?? ''
}

test('folder destination: an encrypted folder with hidden names is added, and restores lost files', async ({
  desktop,
}) => {
  const folder = path.join((await desktop.ext4()).point, 'backup')
  await mkdir(folder)
  const source = await makeSource(base)
  const running = await desktop.start(buildSettings(source))
  const { state } = running
  await until('all files to be copied here', async () => (await state()).totals.sentFiles === 4)
  const form = await openForm(running.page, /^Folder/)
  await form.getByRole('button', { name: 'Test' }).click()
  await expect(form).toContainText('This is required.')
  await form.getByRole('button', { name: 'Choose…' }).click()
  await chooseDirectory(folder)
  await expect(form.getByRole('textbox', { name: 'Folder' })).toHaveValue(folder)
  await form.getByRole('textbox', { name: 'Name in Holdfast' }).fill('second disk')
  const key = await encrypt(form)
  const hide = form.getByRole('switch', { name: 'Hide names, too' })
  await hide.click()
  await hide.scrollIntoViewIfNeeded()
  await pictures(running.page, 'hide-names', 'themes')
  await form.getByRole('button', { name: 'Test' }).click()
  await addAndShip(running, form, 'second disk')
  await expect(await openDestination(running.page, 'second disk')).toContainText('encrypted, names hidden')
  await pictures(running.page, 'folder', 'themes')
  // What was copied before there was a destination takes up room until somebody says so.
  const local = running.page.getByRole('region', { name: 'Copies on this computer' })
  await local.getByRole('button', { name: 'Delete these copies' }).click()
  await pictures(running.page, 'delete-local', 'themes')
  await running.page.getByRole('dialog').getByRole('button', { name: 'Delete these copies' }).click()
  await expect(local).toHaveCount(0)
  const there = (await readdir(folder, { recursive: true })).filter((name) => !name.startsWith('.holdfast'))
  expect(there.filter((name) => name.endsWith('.age'))).toHaveLength(4)
  expect(there.join()).not.toMatch(/photos|2026|spring|IMG|run|empty|large/)
  const before = await readFacts(source)
  await wipeAndRestore(running, base, source, 'second disk', key)
  await setUpAnew(desktop, running)
  await mkdir(source)
  const encryption = JSON.parse(await readFile(path.join(folder, '.holdfast/encryption.json'), 'utf8'))
  const disk = { id: 'd', kind: 'folder', name: 'second disk', path: folder, ...encryption }
  const { settings } = buildSettings(source)
  const anew = await desktop.start({ settings: { ...settings, destinations: [disk] } })
  await restoreOther(anew, 'second disk', before, key)
})

test('SFTP destination: a server is added after its host key is confirmed, and restores lost files', async ({
  desktop,
}) => {
  const server = await startSftpServer()
  try {
    const source = await makeSource(base)
    const running = await desktop.start(buildSettings(source))
    const { page } = running
    const form = await fillSftp(page, server)
    await expect(form).toContainText('Is this the server’s host key?')
    await expect(form).toContainText(server.hostKey)
    await expect(form.getByRole('button', { name: 'Add', exact: true })).toHaveCount(0)
    await form.getByRole('button', { name: 'It is the right one' }).scrollIntoViewIfNeeded()
    await pictures(page, 'host-key', 'themes')
    await form.getByRole('button', { name: 'It is the right one' }).click()
    await addAndShip(running, form, 'nas')
    await moveTo(page, 'nas', 'localhost')
    await expect(await openDestination(page, 'nas')).toContainText(`localhost:${server.port}`)
    const before = await readFacts(source)
    await wipeAndRestore(running, base, source, 'nas')
    await setUpAnew(desktop, running)
    await mkdir(source)
    await restoreAnew(await desktop.start(buildSettings(source)), server, before)
  } finally {
    await server.stop()
  }
})

test('S3 destination: an encrypted bucket is added after its certificate is confirmed, a WebDAV folder is added beside it, and lost files are restored', async ({
  desktop,
}) => {
  const servers = mkdtempSync('/tmp/hf-s3-')
  const apache = await startApache()
  let close = () => {}
  try {
    const server = await startStorageServer(servers, 'swift')
    const tls = await localCertificate()
    const proxy = await openProxy(server.endpoint, { tls })
    close = proxy.close
    const bucket = await makeBucket(server)
    const source = await makeSource(base)
    const running = await desktop.start(buildSettings(source))
    const { page } = running
    const form = await openForm(page, /^S3/)
    await form.getByRole('textbox', { name: 'Endpoint' }).fill(proxy.endpoint)
    await form.getByRole('textbox', { name: 'Bucket' }).fill(bucket.bucket)
    await form.getByRole('textbox', { name: 'Access key' }).fill(server.accessKey)
    await form.getByLabel('Secret key').fill(server.secretKey)
    await form.getByText('Advanced').click()
    await form.getByRole('textbox', { name: 'Region' }).fill(server.region)
    await form.getByRole('textbox', { name: 'Name in Holdfast' }).fill('cloud')
    const key = await encrypt(form)
    await form.getByRole('button', { name: 'Test' }).click()
    await expect(form).toContainText('Is this the server’s certificate?')
    await expect(form).toContainText(computeFingerprint(tls.cert))
    await expect(form.getByRole('button', { name: 'Add', exact: true })).toHaveCount(0)
    await form.getByRole('button', { name: 'It is the right one' }).scrollIntoViewIfNeeded()
    await pictures(page, 'certificate', 'themes')
    await form.getByRole('button', { name: 'It is the right one' }).click()
    await addAndShip(running, form, 'cloud')
    await expect(await openDestination(page, 'cloud')).toContainText('encrypted')
    const large = await readFile(path.join(source, 'large.bin'))
    expect((await openedByAge(bucket, 'large.bin.age', key, base)).equals(large)).toBe(true)
    await addWebdav(running, apache)
    await wipeAndRestore(running, base, source, 'cloud', key)
  } finally {
    await apache.stop()
    close()
    await stopStorageServers(servers)
    rmSync(servers, TREE)
  }
})
