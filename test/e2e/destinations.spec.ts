import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Page } from '@playwright/test'
import { z } from 'zod'
import { commandScript } from '../support/cli/command-script.ts'
import { until } from '../support/until.ts'
import { expect, TREE, test } from './desktop.ts'
import { openDestination } from './sections.ts'

const PICTURES = process.env.HOLDFAST_PICTURES

/** A receiver in a process of its own on this computer. */
async function startReceiver(base: string, name: string): Promise<{ process: ChildProcess; store: string }> {
  const store = path.join(base, name)
  const words = ['receive', '--store', store, '--host', '127.0.0.1', '--port', '0', '--name', name]
  const process_ = spawn(process.execPath, [commandScript, ...words], { stdio: 'ignore' })
  await until(`${name} to listen`, () => existsSync(path.join(store, '.holdfast', 'identity')))
  return { process: process_, store }
}

async function createPairingCode(store: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    commandScript,
    'pair',
    '--store',
    store,
    '--json',
  ])
  return z.object({ code: z.string(), receiverRunning: z.literal(true) }).parse(JSON.parse(stdout)).code
}

/** Both themes and languages, to be looked at; only where a directory for them is given. */
async function takePictures(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return
  for (const language of ['zh-TW', 'en'] as const) {
    for (const theme of ['dark', 'light'] as const) {
      await page.evaluate((changes) => window.holdfast.call('changeSettings', changes), { language, theme })
      await expect(page.locator(`html[lang="${language}"]`)).toBeVisible()
      await expect(page.locator(`html[data-mantine-color-scheme="${theme}"]`)).toBeVisible()
      await page.screenshot({ path: path.join(PICTURES, `${name}-${language}-${theme}.png`) })
    }
  }
}

test('destinations page: a second destination is paired, chosen for a directory, and removed, and each step is shown', async ({
  desktop,
}) => {
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-destinations-'))
  const [nas, cellar] = [await startReceiver(base, 'nas'), await startReceiver(base, 'cellar')]
  try {
    const source = await mkdtemp(path.join(base, 'source-'))
    await writeFile(path.join(source, 'IMG_0001.jpg'), Buffer.alloc(300_000, 1))
    const { page, state } = await desktop.start({
      settings: { sources: [{ id: 's', path: source, name: 'photos' }] },
    })
    const pair = async (store: string) => {
      const code = await until('its code', () => createPairingCode(store))
      await page.getByRole('main').getByRole('button', { name: 'Add destination' }).click()
      const another = page.getByRole('button', { name: /^Another computer/ })
      await expect(another).toBeFocused()
      await another.click()
      await page.getByRole('textbox', { name: 'Pairing code' }).fill(code)
      await page.getByRole('button', { name: 'Connect', exact: true }).click()
      await expect(page.getByText('The receiver is connected.')).toBeVisible()
    }
    const chooseFor = async (name: string) => {
      await page.getByRole('button', { name: `Actions for ${name}` }).click()
    }
    await page.getByRole('tab', { name: /Destinations/ }).click()
    await pair(nas.store)
    await expect(page.getByRole('article', { name: 'nas' })).toBeVisible()
    await takePictures(page, 'destinations-one')
    await pair(cellar.store)
    for (const name of ['nas', 'cellar'])
      await expect(page.getByRole('article', { name })).toContainText('connected', { timeout: 20_000 })
    await until('both to have the file', async () =>
      (await state()).destinations.every(({ totals }) => totals.sentFiles === 1),
    )
    await takePictures(page, 'destinations-two')

    await chooseFor('nas')
    await page.getByRole('menuitem', { name: 'Edit…' }).click()
    await page.getByRole('textbox', { name: 'Host' }).fill('localhost')
    await page.getByRole('button', { name: 'Test' }).click()
    await expect(page.getByRole('region', { name: 'Result of the test' })).toBeVisible()
    await takePictures(page, 'change-receiver')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect(await openDestination(page, 'nas')).toContainText('localhost')
    await page.getByRole('tab', { name: /Overview/ }).click()
    const summary = page.locator('.sources-summary')
    await expect(summary).toContainText('· at nas and cellar')
    await takePictures(page, 'overview')
    await chooseFor('photos')
    await page.getByRole('menuitem', { name: 'Choose destinations…' }).click()
    await page.getByRole('checkbox', { name: /^All/ }).uncheck()
    await page.getByRole('checkbox', { name: 'cellar' }).uncheck()
    await takePictures(page, 'choose')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect(summary).not.toContainText('cellar')
    await page.getByRole('tab', { name: /Destinations/ }).click()
    await chooseFor('nas')
    await page.getByRole('menuitem', { name: 'Remove…' }).click()
    await expect(page.getByText('These go only there: photos.')).toBeVisible()
    await expect(page.getByRole('button', { name: 'Stop sending there' })).toHaveCount(0)
    await takePictures(page, 'remove-only')
    await page.getByRole('button', { name: 'Close' }).last().click()
    await page.getByRole('tab', { name: /Overview/ }).click()
    await page.evaluate(() =>
      window.holdfast.call('changeSource', { id: 's', changes: { destinations: null } }),
    )
    await expect(summary).toContainText('· at nas and cellar')

    cellar.process.kill('SIGKILL')
    await writeFile(path.join(source, 'IMG_0002.jpg'), Buffer.alloc(300_000, 2))
    await expect(page.getByRole('status').first()).toContainText(
      /cellar is unreachable\..*Since .*Other destinations work/s,
      { timeout: 60_000 },
    )
    await takePictures(page, 'away')
    await page.locator('#open-s').click()
    const copies = page.getByRole('region', { name: 'Copies' })
    await expect(copies).toContainText(/cellar · Unreachable\s*1 copied here · 293 KiB · 1 waiting/)
    await copies.scrollIntoViewIfNeeded()
    await takePictures(page, 'details')
    await page.getByRole('tab', { name: /Transfers/ }).click()
    await expect(page.getByRole('region', { name: 'Files', exact: true })).toContainText('→ cellar')
    await takePictures(page, 'transfers')

    await page.getByRole('tab', { name: /Destinations/ }).click()
    await takePictures(page, 'destinations-away')
    await chooseFor('cellar')
    await page.getByRole('menuitem', { name: 'Rename…' }).click()
    await page.getByRole('textbox', { name: 'Name' }).fill('NAS')
    await page.getByRole('button', { name: 'Rename', exact: true }).click()
    await expect(page.getByText('The name “NAS” is taken by another destination.')).toBeVisible()
    await takePictures(page, 'rename')
    await page.getByRole('textbox', { name: 'Name' }).fill('attic')
    await page.keyboard.press('Enter')
    await expect(page.getByText('The destination has its new name.')).toBeVisible()
    await chooseFor('attic')
    await page.getByRole('menuitem', { name: 'Remove…' }).click()
    await expect(page.getByText('1 file that waits for attic is not sent there.')).toBeVisible()
    await takePictures(page, 'remove')
    await page.getByRole('button', { name: 'Stop sending there' }).click()
    await expect(page.getByRole('article', { name: 'attic' })).toHaveCount(0)
    await until('all to be well', async () => {
      const { status, totals } = await state()
      return status.level === 'partial' && totals.sentFiles === 2
    })
  } finally {
    for (const { process: child } of [nas, cellar]) child.kill('SIGKILL')
    await rm(base, TREE)
  }
})
