import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { expect, test } from './desktop.ts'
import { pictures } from './pictures.ts'
import { openSection } from './sections.ts'

const KEY = 'a key that is shown once'

/** A web server that takes events, or refuses them. */
async function startService() {
  const got: string[] = []
  const answer = { status: 204 }
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    got.push(body)
    response.writeHead(answer.status).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return { got, answer, address: `http://127.0.0.1:${port}/in`, close: () => server.close() }
}

test('events: sinks are added, tested, switched off and removed; a command is only shown', {
  tag: '@story',
}, async ({ desktop }) => {
  const { got, answer, address, close } = await startService()
  const command = { id: 'run', name: 'Ingest', kind: 'command', command: ['/usr/local/bin/ingest', '--all'] }
  const { page, state } = await desktop.start({
    settings: { events: { sinks: [{ ...command, enabled: false }] } },
  })
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await openSection(page, 'settings.reporting')
  const card = page.getByRole('region', { name: 'Events', exact: true })
  const ingest = card.getByRole('region', { name: 'Ingest' })
  await expect(ingest).toContainText('/usr/local/bin/ingest --all')
  await expect(ingest.getByRole('switch')).toBeDisabled()
  await expect(ingest.getByRole('button', { name: 'Remove' })).toHaveCount(0)

  await card.getByRole('button', { name: 'Add sink' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(dialog.getByText('This is required.')).toBeVisible()
  await pictures(page, 'event-sink-webhook', 'themes')
  await dialog.getByText('MQTT broker').click()
  await dialog.getByLabel('Address of the broker').fill('broker.example.org')
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(dialog.getByText(/^Enter an address/)).toBeVisible()
  await pictures(page, 'event-sink-mqtt', 'themes')
  await dialog.getByText('Webhook').click()
  await dialog.getByLabel('Name', { exact: true }).fill('Pipeline')
  await dialog.getByLabel(/^Address/).fill(address)
  await dialog.getByLabel(/^Key/).fill(KEY)
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(dialog).toBeHidden()

  const row = card.getByRole('region', { name: 'Pipeline' })
  await row.getByRole('button', { name: 'Test' }).click()
  await expect(row.getByRole('status')).toContainText('test event')
  expect(JSON.parse(got.at(-1) ?? '[]')).toMatchObject([{ type: 'app.holdfast.events.test' }])
  answer.status = 500
  await row.getByRole('button', { name: 'Test' }).click()
  await expect(row.getByRole('status')).toContainText('500')
  await row.scrollIntoViewIfNeeded()
  await pictures(page, 'event-sinks')
  expect(JSON.stringify(await state())).not.toContain(KEY)

  await row.getByRole('switch').click({ force: true })
  await expect.poll(async () => (await state()).settings.events.sinks.at(-1)?.enabled).toBe(false)
  await row.getByRole('button', { name: 'Remove Pipeline' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove sink' }).click()
  await expect(row).toHaveCount(0)
  await expect
    .poll(() => readFile(path.join(desktop.dataDirectory, 'secrets.json'), 'utf8'))
    .not.toContain('sink:')
  close()
})
