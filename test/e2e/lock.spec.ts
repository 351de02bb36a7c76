import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { makeBucket } from '../support/servers/buckets.ts'
import { startStorageServer, stopStorageServers } from '../support/servers/servers.ts'
import { expect, TREE, test } from './desktop.ts'
import { pictures } from './pictures.ts'
import { openDestination } from './sections.ts'

test('lock: a bucket without object lock is refused with the remedy, one with it is added, and its card names the days', async ({
  desktop,
}) => {
  const servers = mkdtempSync(path.join(tmpdir(), 'hf-lock-'))
  try {
    const server = await startStorageServer(servers, 'ceph')
    const free = await makeBucket(server)
    const locked = await makeBucket(server, { versioned: true, locked: true })
    const { page } = await desktop.start()
    await page.getByRole('tab', { name: /Destinations/ }).click()
    await page.getByRole('main').getByRole('button', { name: 'Add destination' }).click()
    await page.getByRole('button', { name: /^S3/ }).click()
    const form = page.getByRole('dialog')
    await form.getByRole('textbox', { name: 'Endpoint' }).fill(server.endpoint)
    await form.getByRole('textbox', { name: 'Bucket' }).fill(free.bucket)
    await form.getByRole('textbox', { name: 'Access key' }).fill(server.accessKey)
    await form.getByLabel('Secret key').fill(server.secretKey)
    const days = form.getByRole('textbox', { name: 'Lock for (days)' })
    await form.getByText('Advanced').click()
    await days.fill('many')
    await form.getByRole('textbox', { name: 'Name in Holdfast' }).fill('cloud')
    await form.getByRole('button', { name: 'Test' }).click()
    await expect(form).toContainText('Enter a whole number of days')
    await days.fill('90')
    await days.scrollIntoViewIfNeeded()
    await pictures(page, 'lock-form', 'themes')
    await form.getByRole('button', { name: 'Test' }).click()
    const result = form.getByRole('region', { name: 'Result of the test' })
    await expect(result).toContainText('does not lock objects')
    await result.scrollIntoViewIfNeeded()
    await pictures(page, 'lock-refused', 'themes')
    await form.getByRole('textbox', { name: 'Bucket' }).fill(locked.bucket)
    await form.getByRole('button', { name: 'Test' }).click()
    await expect(result).toContainText('Each file is locked for 90 days')
    await form.getByRole('button', { name: 'Add', exact: true }).click()
    const card = await openDestination(page, 'cloud')
    await expect(card).toContainText('Locked for 90 days after upload')
    await pictures(page, 'lock-card')
  } finally {
    await stopStorageServers(servers)
    rmSync(servers, TREE)
  }
})
