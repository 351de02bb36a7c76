import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from './desktop.ts'
import { pictures } from './pictures.ts'
import { openSection } from './sections.ts'

const PASSWORD = 'a password of the proxy'

test('proxy: an address with a login and exceptions is entered, changed and switched off', async ({
  desktop,
}) => {
  const { page, state } = await desktop.start({})
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await openSection(page, 'settings.network.title')
  const card = page.getByRole('region', { name: 'Proxy', exact: true })
  await card.getByText('Address', { exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel(/^Address/).fill('ftp://proxy')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(dialog.getByText(/^This is no address/)).toBeVisible()
  await pictures(page, 'proxy-form', 'themes')
  await dialog.getByLabel(/^Address/).fill('proxy.example.org:3128')
  await dialog.getByLabel('User').fill('station')
  await dialog.getByLabel(/^Password/).fill(PASSWORD)
  await dialog.getByLabel('Reached without the proxy').fill('lab.example.org, 10.0.0.0/8')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(dialog).toBeHidden()
  await expect(card).toContainText('Connections go through http://proxy.example.org:3128.')
  expect((await state()).settings.proxy).toEqual({
    use: 'address',
    address: 'http://proxy.example.org:3128',
    user: 'station',
    except: ['lab.example.org', '10.0.0.0/8'],
  })
  expect(JSON.stringify(await state())).not.toContain(PASSWORD)
  await card.scrollIntoViewIfNeeded()
  await pictures(page, 'proxy')

  await card.getByRole('button', { name: 'Change proxy…' }).click()
  await expect(dialog.getByText('Stored. Empty: it stays.')).toBeVisible()
  await dialog.getByLabel('User').fill('other')
  await expect(dialog.getByText('Stored. Empty: it stays.')).toBeHidden()
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(dialog).toBeHidden()
  await expect.poll(async () => (await state()).proxy.hasPassword).toBe(false)
  expect(await readFile(path.join(desktop.dataDirectory, 'secrets.json'), 'utf8')).not.toContain('password')

  await card.getByText('None', { exact: true }).click()
  await expect.poll(async () => (await state()).proxy.address).toBeNull()
  await card.getByText('Environment', { exact: true }).click()
  await expect(card).toContainText('None of these variables has the address of a proxy')
  await pictures(page, 'proxy-environment')
})
