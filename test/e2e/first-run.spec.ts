import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Page } from '@playwright/test'
import { countClicks } from '../support/desktop/clicks.ts'
import { answerDialogs, chooseDirectory } from '../support/desktop/dialog.ts'
import { takeScreenshot } from '../support/desktop/screenshot.ts'
import { readTray, waitForTray } from '../support/desktop/tray.ts'
import type { Ext4Loop } from '../support/faults/mounts.ts'
import { startReceiverProcess } from '../support/transfer/receiver-process.ts'
import { until } from '../support/until.ts'
import { type Desktop, expect, type Running, TREE, test } from './desktop.ts'
import { pictures } from './pictures.ts'

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

/** The system's own entry for what starts at login. */
const autostart = path.join(process.env.XDG_CONFIG_HOME ?? '', 'autostart', 'holdfast.desktop')

const startsAtLogin = (wanted: boolean): Promise<boolean> =>
  access(autostart).then(
    () => wanted,
    () => !wanted,
  )

/** Goes through the first run with the mouse: one directory, one receiver, no channel, start at login. */
async function firstRun({ page, holdfast }: Running, source: string, code: string): Promise<void> {
  const steps = page.getByRole('region', { name: 'First steps' })
  await expect(steps).toContainText('Step 1 of 5')
  await pictures(page, 'first-1')
  await steps.getByRole('button', { name: 'Add folder' }).click()
  await chooseDirectory(source)
  await expect(steps).toContainText(source)
  // What was added can be taken away again.
  await steps.getByRole('button', { name: 'Remove photos' }).click()
  await expect(steps).not.toContainText(source)
  await steps.getByRole('button', { name: 'Add folder' }).click()
  await chooseDirectory(source)
  await expect(steps).toContainText(source)
  await steps.getByRole('button', { name: 'Next', exact: true }).click()

  await expect(steps.getByRole('button', { name: 'Later', exact: true })).toBeVisible()
  await pictures(page, 'first-2')
  await steps.getByRole('button', { name: /^Another computer with Holdfast/ }).click()
  await holdfast.application.evaluate(({ clipboard }, text) => clipboard.writeText(text), 'no code')
  await steps.getByRole('button', { name: 'Paste the copied code' }).click()
  await expect(steps).toContainText('The clipboard contains no pairing code')
  await holdfast.application.evaluate(({ clipboard }, text) => clipboard.writeText(text), code)
  await steps.getByRole('button', { name: 'Paste the copied code' }).click()
  await pictures(page, 'first-pair', 'themes')
  await steps.getByRole('button', { name: 'Connect', exact: true }).click()
  await expect(steps).toContainText('attic')
  await steps.getByRole('button', { name: 'Next', exact: true }).click()

  await expect(steps.getByRole('button', { name: 'Send test' })).toBeVisible()
  await pictures(page, 'first-3')
  await steps.getByRole('button', { name: 'Next', exact: true }).click()
  // It is on without a click, and a click switches it off; to come back does not switch it on.
  const login = steps.getByRole('switch', { name: 'Start at login' })
  await expect(login).toBeChecked()
  await until('the desktop to start it at login', () => startsAtLogin(true))
  await pictures(page, 'first-4')
  await login.click()
  await until('the desktop not to start it', () => startsAtLogin(false))
  await steps.getByRole('button', { name: 'Back', exact: true }).click()
  await steps.getByRole('button', { name: 'Next', exact: true }).click()
  await expect(login).toBeEnabled()
  await expect(login).not.toBeChecked()
  await login.click()
  await until('the desktop to start it again', () => startsAtLogin(true))
  await steps.getByRole('button', { name: 'Next', exact: true }).click()
  await expect(steps).toContainText('Step 5 of 5')
  // The receiver's process is on this very computer, and nothing is called safe by that.
  await expect(steps).toContainText('Finished files are sent to attic, which is on this computer')
  await expect(steps).toContainText('Holdfast starts when you log in.')
  await pictures(page, 'first-5')
  await steps.getByRole('button', { name: 'Done' }).click()
}

/** Puts back what is missing of a source, through its own menu. */
async function putBack(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: `Actions for ${name}` }).click()
  await page.getByRole('menuitem', { name: 'Restore…' }).click()
  const rows = page.getByRole('region', { name: 'Files to restore' })
  await expect(rows).toContainText('missing here')
  await rows.getByRole('button', { name: 'Restore all of this…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Put back', exact: true }).click()
  await expect(dialog).toContainText(/All 40 files were restored to/)
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click()
}

test('first run: files are set up, sent to a second computer and restored; a read-only disk is reported, then recovers', {
  tag: '@story',
}, async ({ desktop }) => {
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-first-'))
  const disk = await desktop.ext4()
  const source = path.join(disk.point, 'photos')
  await mkdir(source)
  const receiver = startReceiverProcess('attic')
  try {
    const code = await receiver.code()
    const running = await desktop.start()
    const { page } = running
    const beganAt = Date.now()
    await test.step('the first run', () => firstRun(running, source, code))

    const files = await test.step('files that are copied in are durable at the receiver', async () => {
      await mkdir(path.join(source, '2026/11'), { recursive: true })
      for (let index = 0; index < 40; index += 1)
        await writeFile(path.join(source, `2026/11/IMG_${index}.jpg`), Buffer.alloc(20_000 + index, index))
      await until('all to be safe', async () => (await running.state()).totals.sentFiles === 40)
      const sent = await tree(source)
      const [sender = ''] = (await readdir(receiver.store)).filter((name) => !name.startsWith('.'))
      expect(await tree(path.join(receiver.store, sender, 'photos'))).toEqual(sent)
      await expect(page.getByRole('article', { name: 'photos' })).toContainText('40')
      return sent
    })

    await test.step('what is lost here comes back', async () => {
      await rm(path.join(source, '2026'), { recursive: true })
      await putBack(page, 'photos')
      expect(await tree(source)).toEqual(files)
      console.log(`from no settings to 40 restored files: ${((Date.now() - beganAt) / 1000).toFixed(1)} s`)
    })
    await readOnlyAndBack(desktop, running, disk, source)
  } finally {
    await receiver.remove()
    await rm(base, TREE)
  }
})

/** Clicks of the person in the system's dialog: two folders, and its button. */
const DIALOG_CLICKS = 3
/** The receiving computer takes four more: test/e2e/receive.spec.ts. */
const MOST_CLICKS = 12 - 4

test('first run: two folders chosen at once are safe at a second computer within twelve clicks', async ({
  desktop,
}) => {
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-clicks-'))
  const sources = ['photos', 'films'].map((name) => path.join(base, name))
  for (const source of sources) {
    await mkdir(source)
    await writeFile(path.join(source, 'first.txt'), source)
  }
  const receiver = startReceiverProcess('attic')
  try {
    const code = await receiver.code()
    const { page, holdfast, state } = await desktop.start()
    const clicks = await countClicks(page)
    const steps = page.getByRole('region', { name: 'First steps' })
    await answerDialogs(holdfast.application, ...sources)
    await steps.getByRole('button', { name: 'Add folder' }).click()
    for (const source of sources) await expect(steps).toContainText(source)
    await steps.getByRole('button', { name: 'Next', exact: true }).click()
    await holdfast.application.evaluate(({ clipboard }, text) => clipboard.writeText(text), code)
    await steps.getByRole('button', { name: /^Another computer with Holdfast/ }).click()
    const connect = steps.getByRole('button', { name: 'Connect', exact: true })
    const before = await connect.boundingBox()
    await steps.getByRole('button', { name: 'Paste the copied code' }).click()
    await expect(connect).toBeEnabled()
    // The code fits into its field: the button stays where the mouse goes.
    expect(Math.abs(((await connect.boundingBox())?.y ?? 0) - (before?.y ?? 0))).toBeLessThan(4)
    await connect.click()
    await until('both files to be there', async () => {
      const { destinations, totals } = await state()
      return destinations[0]?.kind === 'receiver' && totals.sentFiles === 2
    })
    expect((await clicks()) + DIALOG_CLICKS).toBeLessThanOrEqual(MOST_CLICKS)
  } finally {
    await receiver.remove()
    await rm(base, TREE)
  }
})

/** A failure is told by the icon, the window and a notification; its end, too. */
async function readOnlyAndBack(
  desktop: Desktop,
  { page, holdfast, state }: Running,
  disk: Ext4Loop,
  source: string,
): Promise<void> {
  await page.getByRole('tab', { name: 'Overview' }).click()
  const intervalSeconds = 5
  await page.evaluate(
    (seconds) => window.holdfast.call('changeSettings', { check: { intervalSeconds: seconds } }),
    intervalSeconds,
  )
  const address = await waitForTray(desktop.bus, { pid: holdfast.pid })
  const tray = () => readTray(desktop.bus, address)
  const well = await until('the tray to be well', async () => {
    const now = await tray()
    return now.tooltip.includes('on this computer only') ? now : null
  })

  await test.step('the kernel makes it read-only: it is told', async () => {
    const faultAt = Date.now()
    await disk.remountAbort()
    const told = await desktop.notifications.waitFor('read-only', ({ summary }) => /read-only/i.test(summary))
    expect(`${told.summary} ${told.body}`).toContain(source)
    expect(told.body).toContain('New files cannot be written.')
    console.log(`told ${told.at - faultAt} ms after the fault: ${told.summary} | ${told.body}`)
    const failing = await until('the tray to change', async () => {
      const now = await tray()
      return now.tooltip.includes('read-only') ? now : null
    })
    expect(failing.icon).not.toBe(well.icon)
    expect(failing.tooltip).toContain('photos')
    await expect(page.getByRole('status').first()).toContainText('read-only')
    await takeScreenshot(test.info().outputPath('read-only.png'))
  })

  await test.step('mounted afresh, its recovery is told with the duration', async () => {
    await disk.remountFresh()
    // The recovery of the deleted files was told before.
    const isRecovery = ({ summary, body }: { summary: string; body: string }) =>
      /recovered/i.test(summary) && body.includes('Read-only')
    const told = await desktop.notifications.waitFor('recovery', isRecovery)
    expect(told.summary).toBe('Recovered: photos')
    expect(told.body).toMatch(/lasted \d/)
    // The failure's own notification is no longer true: the recovery is the only one left on the screen.
    await until('the failure to be taken back', async () => (await shownNotifications()) === 1)
    await until('the tray to be well again', async () => (await tray()).icon === well.icon)
    await writeFile(path.join(source, 'after.jpg'), 'after')
    await until('the file of afterwards', async () => (await state()).totals.sentFiles === 41)
  })
}
