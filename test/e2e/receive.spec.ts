import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { commandScript } from '../support/cli/command-script.ts'
import { countClicks } from '../support/desktop/clicks.ts'
import { pairBefore } from '../support/transfer/pair-before.ts'
import { expect, TREE, test } from './desktop.ts'
import { findViolations } from './look/look.ts'
import { pictures } from './pictures.ts'
import { openSection } from './sections.ts'

const run = promisify(execFile)
const holdfast = (...words: string[]) => run(process.execPath, [commandScript, ...words])

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0)
  const { port } = server.address() as net.AddressInfo
  await new Promise((closed) => server.close(closed))
  return port
}

test('receiving: this computer is switched on as a receiver, and its sender is paired, listed, renamed and revoked', async ({
  desktop,
}) => {
  const base = mkdtempSync(path.join(tmpdir(), 'holdfast-receive-'))
  const taken = net.createServer().listen(0)
  try {
    const { page } = await desktop.start()
    await page.getByRole('tab', { name: /Destinations/ }).click()
    const part = page.getByRole('region', { name: 'Receive on this computer' })
    await pictures(page, 'receive-off')
    await part.getByRole('switch').click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox', { name: 'Folder for their files' }).fill(path.join(base, 'store'))
    await dialog.getByRole('textbox', { name: 'Port' }).fill(String(await freePort()))
    await dialog.getByRole('textbox', { name: 'Space per computer (GiB)' }).fill('1.5')
    await pictures(page, 'receive-form', 'themes')
    await dialog.getByRole('button', { name: 'Receive here' }).click()
    // The code for the first sender follows at once.
    await expect(dialog.getByText(/^holdfast:\/\//)).toBeVisible()
    await dialog.getByRole('button', { name: 'Close' }).last().click()
    await expect(part).toContainText(/receives at port \d+ *at most 1\.5 GiB each/)
    await part.getByRole('button', { name: 'Edit…' }).click()
    const quota = dialog.getByRole('textbox', { name: 'Space per computer (GiB)' })
    await expect(quota).toHaveValue('1.5')
    await quota.fill('2')
    const silence = dialog.getByRole('textbox', {
      name: 'Notify me at the latest when a computer was away for',
    })
    await expect(silence).toBeHidden()
    await dialog.getByText('Advanced').click()
    await expect(silence).toHaveValue('24')
    await silence.fill('0.0001')
    await dialog.getByRole('textbox', { name: 'Lock replaced files for' }).fill('90')
    await pictures(page, 'receive-edit', 'themes')
    const free = dialog.getByRole('textbox', { name: 'Space to keep free on the disk' })
    await free.fill('much')
    await dialog.getByText('Advanced').click()
    await dialog.getByRole('button', { name: 'Save' }).click()
    // The problem is in the collapsed part.
    await expect(dialog).toContainText('Enter a size such as 10G')
    await free.fill('1%')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await expect(part).toContainText(/receives at port \d+ *at most 2 GiB each/)
    await expect(part).toContainText('Older versions locked for 90 days')
    // The stations are in one place, which a link leads to.
    await pictures(page, 'receive-on', 'themes')
    await part.getByRole('button', { name: 'No stations yet' }).click()
    const stations = page.getByRole('region', { name: 'Stations' })
    await expect(page.getByRole('tab', { name: /^Overview/ })).toHaveAttribute('aria-selected', 'true')
    await expect(stations).toContainText('No stations yet')
    await stations.getByRole('button', { name: 'Add a station' }).click()
    await expect(dialog.getByRole('img', { name: 'The pairing code as a QR code' })).toBeVisible()
    const code = await dialog.getByText(/^holdfast:\/\//).textContent()
    await pictures(page, 'receive-invite', 'themes')
    await expect(dialog.getByRole('status')).toContainText('It pairs one more computer, until')
    await dialog.getByRole('textbox', { name: 'Computers', exact: true }).fill('0')
    await expect(dialog.getByRole('button', { name: 'Create another code' })).toBeDisabled()
    await dialog.getByRole('textbox', { name: 'Computers', exact: true }).fill('2')
    await dialog.getByRole('textbox', { name: 'Valid for' }).fill('60')
    await dialog.getByRole('button', { name: 'Create another code' }).scrollIntoViewIfNeeded()
    await pictures(page, 'receive-terms', 'themes')
    await dialog.getByRole('button', { name: 'Create another code' }).click()
    await expect(dialog.getByRole('status')).toContainText('It pairs 2 more computers, until')
    const several = (await dialog.getByText(/^holdfast:\/\//).textContent()) ?? ''
    expect(several).not.toBe(code)
    await dialog.getByRole('status').scrollIntoViewIfNeeded()
    await pictures(page, 'receive-several', 'themes')
    await holdfast('pair', several, '--data', path.join(base, 'first'), '--name', 'station-1')
    await expect(dialog.getByRole('status')).toContainText('It pairs one more computer, until')
    await holdfast('pair', several, '--data', path.join(base, 'second'), '--name', 'station-2')
    await expect(dialog).toContainText('This code is no longer valid')
    await dialog.getByRole('button', { name: 'Close' }).last().click()
    for (const name of ['station-1', 'station-2']) {
      await stations.getByRole('button', { name: `Actions for ${name}` }).click()
      await page.getByRole('menuitem', { name: 'Stop receiving…' }).click()
      await dialog.getByRole('button', { name: 'Stop receiving', exact: true }).click()
      await expect(stations.getByRole('article', { name })).toHaveCount(0)
    }

    const [data, source] = [path.join(base, 'data'), path.join(base, 'source')]
    await mkdir(source)
    await writeFile(path.join(source, 'IMG_0001.jpg'), Buffer.alloc(2048, 1))
    await holdfast('pair', code ?? '', '--data', data, '--name', 'station-3')
    await holdfast('send', '--once', '--data', data, source)
    const sender = stations.getByRole('article', { name: 'station-3' })
    await expect(sender).toContainText(/Silent since \d\d:\d\d2 KiB/)
    await sender.getByRole('button', { expanded: false }).first().click()
    await expect(sender).toContainText('1 file · 2 KiB · in station-3')
    await expect(page.getByRole('banner')).toContainText('station-3 has not been heard from.')
    await pictures(page, 'receive-station')
    await sender.getByRole('button', { name: 'Actions for station-3' }).click()
    await page.getByRole('menuitem', { name: 'Limits…' }).click()
    const limit = dialog.getByRole('textbox', { name: 'Space' })
    await limit.fill('-1')
    await expect(dialog).toContainText('Enter a number above 0, or nothing.')
    await limit.fill('0.5')
    await dialog.getByRole('textbox', { name: 'Notify me when it was away for' }).fill('48')
    await pictures(page, 'receive-limits', 'themes')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await expect(sender).toContainText(/seen .* ago/)
    await sender.getByRole('button', { name: 'Actions for station-3' }).click()
    await page.getByRole('menuitem', { name: 'Replace this computer…' }).click()
    await expect(dialog).toContainText('gets the folder station-3; files there are not sent again')
    const replacing = await dialog.getByText(/^holdfast:\/\//).textContent()
    await pictures(page, 'receive-replace', 'themes')
    await dialog.getByRole('button', { name: 'Close' }).last().click()
    await holdfast('pair', replacing ?? '', '--data', path.join(base, 'anew'), '--name', 'station-4')
    const anew = stations.getByRole('article', { name: 'station-4' })
    await anew.getByRole('button', { expanded: false }).first().click()
    await expect(anew).toContainText('1 file · 2 KiB · in station-3')
    await expect(sender).toHaveCount(0)
    await anew.getByRole('button', { name: 'Actions for station-4' }).click()
    await page.getByRole('menuitem', { name: 'Rename…' }).click()
    await dialog.getByRole('textbox', { name: 'Name' }).fill('telescope')
    await page.keyboard.press('Enter')
    await stations.getByRole('button', { name: 'Actions for telescope' }).click()
    await page.getByRole('menuitem', { name: 'Label…' }).click()
    await dialog.getByRole('textbox', { name: 'Label, such as a site' }).fill('Roof')
    await page.keyboard.press('Enter')
    await expect(stations.getByRole('heading', { name: 'Roof 1 station' })).toBeVisible()
    await openSection(page, 'settings.general')
    await page.getByRole('button', { name: 'Show changes…' }).click()
    await expect(dialog.getByRole('listitem').first()).toContainText(
      /Set the label of the computer telescope to “Roof”\..*window: /,
    )
    await dialog.getByRole('button', { name: 'Close' }).click()
    await page.getByRole('tab', { name: /Overview/ }).click()
    await expect(stations.getByRole('img', { name: 'Last 24 hours: files arrived in 1' })).toBeVisible()
    await stations.getByRole('button', { name: 'Actions for telescope' }).click()
    await page.getByRole('menuitem', { name: 'Stop receiving…' }).click()
    await expect(dialog).toContainText('Its files stay in station-3.')
    await dialog.getByRole('button', { name: 'Stop receiving', exact: true }).click()
    await expect(stations.getByRole('article', { name: 'telescope' })).toHaveCount(0)

    await page.getByRole('tab', { name: /Destinations/ }).click()
    await part.getByRole('switch').click()
    await dialog.getByRole('button', { name: 'Stop receiving' }).click()
    await expect(part.getByRole('button', { name: 'Edit…' })).toHaveCount(0)
    await part.getByRole('switch').click()
    await expect(dialog.getByRole('textbox', { name: 'Folder for their files' })).toHaveValue(
      path.join(base, 'store'),
    )
    await expect(dialog.getByRole('textbox', { name: 'Space per computer (GiB)' })).toHaveValue('2')
    // Without an open port there is no code, and no success.
    await dialog
      .getByRole('textbox', { name: 'Port' })
      .fill(String((taken.address() as net.AddressInfo).port))
    await dialog.getByRole('button', { name: 'Receive here' }).click()
    await expect(dialog.getByText(/the port is in use/)).toBeVisible()
  } finally {
    taken.close()
    rmSync(base, TREE)
  }
})

test('receiving: the first pairing code is copied with four clicks', { tag: '@story' }, async ({
  desktop,
}) => {
  const { page, holdfast } = await desktop.start()
  const clicks = await countClicks(page)
  await page.getByRole('tab', { name: /Destinations/ }).click()
  await page.getByRole('region', { name: 'Receive on this computer' }).getByRole('switch').click()
  const dialog = page.getByRole('dialog')
  const folder = dialog.getByRole('textbox', { name: 'Folder for their files' })
  await expect(folder).toHaveValue(/\/holdfast-received$/)
  // Typed only because the tests share a home and its ports.
  await folder.fill(path.join(desktop.dataDirectory, 'received'))
  await dialog.getByRole('textbox', { name: 'Port' }).fill(String(await freePort()))
  await dialog.getByRole('button', { name: 'Receive here' }).click()
  await dialog.getByRole('button', { name: 'Copy the pairing code' }).click()
  const copied = await holdfast.application.evaluate(({ clipboard }) => clipboard.readText())
  expect(copied).toMatch(/^holdfast:\/\//)
  expect(await clicks()).toBe(4)
})

test('stations: a line of 36 pixels each, those that fail first, in groups that fold, in one place', {
  tag: '@story',
}, async ({ desktop }) => {
  const directory = path.join(desktop.dataDirectory, 'store')
  const long = 'n'.repeat(200)
  const names = ['cellar-1', 'cellar-2', 'roof-1', 'roof-2', long]
  await pairBefore(
    directory,
    names.map((name, index) => ({ name, fingerprint: String(index).repeat(64) })),
  )
  const receive = {
    ...{ directory, host: '127.0.0.1', port: await freePort() },
    silentHoursOf: { 'roof-2': 0.00001 },
  }
  const { page, holdfast } = await desktop.start({ settings: { receive } })
  const stations = page.getByRole('region', { name: 'Stations' })
  const rows = stations.getByRole('article')
  const shown = () => rows.evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')))
  await expect(stations.getByRole('heading', { name: /^5 stations · 1 silent/ })).toBeVisible()
  expect(await shown()).toEqual(['roof-2', 'cellar-1', 'cellar-2', long, 'roof-1'])
  await expect(rows.first()).toContainText(/^roof-2Silent since \d+:\d+0 B$/)

  await page.evaluate(async () => {
    const { call } = window.holdfast
    const { state } = await call('snapshot', {})
    for (const { fingerprint, name } of state.receiving?.senders ?? [])
      await call('labelSender', { fingerprint, label: name.split('-')[0]?.slice(0, 6) ?? '' })
  })
  const roof = stations.getByRole('button', { name: 'roof 2 stations · 1 silent' })
  await expect(roof).toBeVisible()
  await expect.poll(shown).toEqual(['roof-2', 'roof-1', 'cellar-1', 'cellar-2', long])
  const levels = stations.locator('.thing-group .health-mark')
  expect(await levels.evaluateAll((all) => all.map((one) => one.getAttribute('data-level')))).toEqual([
    ...['failing', 'unknown', 'unknown'],
  ])

  for (const width of [1240, 700, 320]) {
    await holdfast.application.evaluate(({ BrowserWindow }, wide) => {
      const [window] = BrowserWindow.getAllWindows()
      window?.setMinimumSize(200, 200)
      window?.setContentSize(wide, 700)
    }, width)
    await page.waitForFunction((wanted) => Math.abs(innerWidth - wanted) < 2, width)
    const boxes = await stations
      .locator('.thing')
      .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().toJSON()))
    expect(new Set(boxes.map(({ height }) => height))).toEqual(new Set([36]))
    // A long name displaces nothing.
    const figures = await stations
      .locator('.thing-figure')
      .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().right))
    expect(new Set(figures).size).toBe(1)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
    await pictures(page, `stations-${width}`)
  }
  await expect(rows.last().getByTitle(long)).toBeVisible()
  expect(await findViolations(page, false)).toEqual([])

  // By keys: the list is one stop of Tab, up and down go from row to row, right to the menu.
  await roof.focus()
  await page.keyboard.press('ArrowDown')
  await expect(rows.first().getByRole('button', { name: /^roof-2/ })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(rows.first()).toContainText('in roof-2')
  expect(await findViolations(page, false)).toEqual([])
  await page.keyboard.press('Enter')
  await expect(rows.first()).not.toContainText('in roof-2')
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('menuitem', { name: 'Rename…' })).toBeVisible()
  await page.keyboard.press('Escape')
  await page.keyboard.press('End')
  await expect(rows.last().getByRole('button', { name: new RegExp(`^${long}`) })).toBeFocused()

  await roof.click()
  await expect.poll(shown).toEqual(['cellar-1', 'cellar-2', long])
  await page.getByRole('tab', { name: /^Destinations/ }).click()
  const part = page.getByRole('region', { name: 'Receive on this computer' })
  await expect(part).toBeVisible()
  await expect(page.getByText('cellar-1', { exact: true }).locator('visible=true')).toHaveCount(0)
  await part.getByRole('button', { name: '5 stations · 1 silent' }).click()
  await expect(roof).toBeFocused()
  // Still folded, with its count and its mark.
  expect(await shown()).toEqual(['cellar-1', 'cellar-2', long])
  await expect(roof).toHaveAttribute('aria-expanded', 'false')
})
