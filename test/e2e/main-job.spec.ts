import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { chooseDirectory } from '../support/desktop/dialog.ts'
import { takeScreenshot } from '../support/desktop/screenshot.ts'
import { readTray, waitForTray } from '../support/desktop/tray.ts'
import { until } from '../support/until.ts'
import { expect, test } from './desktop.ts'

const INTERVAL_SECONDS = 5

/** How many notifications the daemon shows at this moment. */
async function shownNotifications(): Promise<number> {
  const { stdout } = await promisify(execFile)('dunstctl', ['count', 'displayed'])
  return Number(stdout)
}

/** Every file below a directory with its content, by relative path. */
async function tree(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.holdfast-'))
  const contents = files.map(async (entry) => {
    const file = path.join(entry.parentPath, entry.name)
    return [path.relative(directory, file), (await readFile(file)).toString('base64')] as const
  })
  return Object.fromEntries(await Promise.all(contents))
}

test('a directory is chosen, shipped, goes read-only, is told about, and is well again', async ({
  desktop,
}) => {
  const disk = await desktop.ext4()
  const source = path.join(disk.point, 'photos')
  await mkdir(source)
  const { page, holdfast } = await desktop.start({
    settings: { check: { intervalSeconds: INTERVAL_SECONDS } },
  })
  const tray = await waitForTray(desktop.bus, { pid: holdfast.pid })

  await test.step('the button opens the native dialog, and the directory becomes a source', async () => {
    await page.getByRole('button', { name: 'Add directory' }).first().click()
    await chooseDirectory(source)
    await expect(page.getByRole('article', { name: 'photos' })).toBeVisible()
  })

  await test.step('files that are copied in arrive at the receiver and in the window', async () => {
    await mkdir(path.join(source, '2026/11'), { recursive: true })
    for (let index = 0; index < 40; index += 1) {
      await writeFile(path.join(source, `2026/11/IMG_${index}.jpg`), Buffer.alloc(20_000 + index, index))
    }
    const received = await until('all files at the receiver', async () => {
      const stores = await readdir(path.join(desktop.dataDirectory, 'store'))
      const sender = stores.find((name) => !name.startsWith('.'))
      if (sender === undefined) return null
      const found = path.join(desktop.dataDirectory, 'store', sender, 'photos')
      return Object.keys(await tree(found)).length === 40 ? found : null
    })
    expect(await tree(received)).toEqual(await tree(source))
    await expect(page.getByRole('article', { name: 'photos' })).toContainText('40')
  })

  const well = await until('the tray to be well', async () => {
    const now = await readTray(desktop.bus, tray)
    return now.tooltip.includes('copied, on this computer only') ? now : null
  })

  await test.step('the kernel makes it read-only: within one interval it is told', async () => {
    const faultAt = Date.now()
    await disk.remountAbort()
    const told = await desktop.notifications.waitFor('read-only', ({ summary }) => /read-only/i.test(summary))
    expect(told.at - faultAt).toBeLessThanOrEqual(INTERVAL_SECONDS * 1000)
    expect(`${told.summary} ${told.body}`).toContain(source)
    expect(told.body).toMatch(/create/i)
    console.log(`told ${told.at - faultAt} ms after the fault: ${told.summary} | ${told.body}`)
    const failing = await until('the tray to change', async () => {
      const now = await readTray(desktop.bus, tray)
      return now.tooltip.includes('read-only') ? now : null
    })
    expect(failing.icon).not.toBe(well.icon)
    expect(failing.tooltip).toContain('photos')
    await expect(page.getByRole('status').first()).toContainText('read-only')
    await takeScreenshot(test.info().outputPath('read-only.png'))
  })

  await test.step('mounted afresh, its recovery is told with the duration', async () => {
    await disk.remountFresh()
    const told = await desktop.notifications.waitFor(
      'recovery',
      ({ summary }) => /recovered/i.test(summary),
      30_000,
    )
    expect(told.summary).toBe('Recovered: photos')
    expect(told.body).toMatch(/lasted \d/)
    // The failure's own notification is no longer true: the recovery is the only one left on the screen.
    await until('the failure to be taken back', async () => (await shownNotifications()) === 1)
    await until(
      'the tray to be well again',
      async () => (await readTray(desktop.bus, tray)).icon === well.icon,
    )
    await writeFile(path.join(source, 'after.jpg'), 'after')
    await expect(page.getByRole('article', { name: 'photos' })).toContainText('41')
  })
})
