import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Message } from '../../core/lib/i18n/message.ts'
import { englishWords } from '../../core/lib/i18n/words.ts'
import { cancelDialog, chooseDirectory, openDialog } from '../support/desktop/dialog.ts'
import { electronExecutable } from '../support/desktop/launch.ts'
import { activateTray, clickMenu, readMenu, readTray, waitForTray } from '../support/desktop/tray.ts'
import { until } from '../support/until.ts'
import { expect, TREE, test } from './desktop.ts'
import { pictures } from './pictures.ts'

const projectDirectory = path.resolve(import.meta.dirname, '../..')

test('settings file: one that is not JSON is set aside, and the window reports it', async ({ desktop }) => {
  const { holdfast, page } = await desktop.start({ settings: '{ "version": 1, ' })
  await page.getByRole('tab', { name: /Alerts/ }).click()
  await expect(page.getByText('The settings file could not be used').first()).toBeVisible()
  await expect(page.getByRole('status').first()).toContainText('The settings file could not be used')
  expect(await readdir(desktop.dataDirectory)).toContainEqual(expect.stringMatching(/^settings\.set-aside-/))

  // Whoever helps is given the details, and the log says what happened.
  await page.getByRole('button', { name: 'More' }).click()
  await page.getByRole('menuitem', { name: 'Copy details' }).click()
  await expect(page.getByText('The details are on the clipboard.')).toBeVisible()
  expect(await holdfast.application.evaluate(({ clipboard }) => clipboard.readText())).toContain(
    'The settings file could not be used',
  )
  await page.getByRole('button', { name: 'More' }).click()
  await page.getByRole('menuitem', { name: 'Log…' }).click()
  const log = page.getByRole('dialog', { name: 'Log' })
  await expect(log.getByText(/could not be used/).first()).toBeVisible()
  await pictures(page, 'log')
  await log.getByText('Errors', { exact: true }).click()
  await expect(log.getByText('No matching lines.')).toBeVisible()
})

test("second start: it shows the first instance's window, and adds the directories that it names", {
  tag: '@story',
}, async ({ desktop }) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-second-'))
  const { holdfast, page } = await desktop.start()
  const isVisible = () =>
    holdfast.application.evaluate(
      ({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible() ?? false,
    )
  await until('the window to be shown', isVisible)
  await page.evaluate(() => window.holdfast.call('hideWindow', {}))
  await until('the window to be hidden', async () => !(await isVisible()))
  const flags = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const second = spawn(await electronExecutable(), [...flags, projectDirectory, source], {
    env: { ...process.env, HOLDFAST_HOME: desktop.dataDirectory },
    stdio: 'ignore',
  })
  const [code] = await once(second, 'exit')
  expect(code).toBe(0)
  await until('the window to come forward', isVisible)
  await expect(page.getByRole('article', { name: path.basename(source) })).toBeVisible()
  await rm(source, TREE)
})

test('tray menu: it pauses and resumes, and tooltip and window follow', { tag: '@story' }, async ({
  desktop,
}) => {
  const { holdfast, page } = await desktop.start()
  const tray = await waitForTray(desktop.bus, { pid: holdfast.pid })
  const before = (await readTray(desktop.bus, tray)).icon
  await clickMenu(desktop.bus, tray, 'Pause', 'For 1 hour')
  await until('the tooltip to say so', async () =>
    (await readTray(desktop.bus, tray)).tooltip.includes('Paused until'),
  )
  expect((await readTray(desktop.bus, tray)).icon).not.toBe(before)
  await expect(page.getByRole('status').first()).toContainText('Paused until')
  const labels = (await readMenu(desktop.bus, tray)).map(({ label }) => label)
  expect(labels).toContain('Resume')
  await clickMenu(desktop.bus, tray, 'Resume')
  await expect(page.getByRole('status').first()).not.toContainText('Paused')

  // A click on the icon hides the window, which is told nothing then; another one shows it, as things are now.
  const isVisible = () =>
    holdfast.application.evaluate(
      ({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible() ?? false,
    )
  await activateTray(desktop.bus, tray)
  await until('the window to be hidden', async () => !(await isVisible()))
  const told = await page.evaluateHandle(() => {
    const heard: number[] = []
    window.holdfast.on('patch', ({ revision }) => heard.push(revision))
    return heard
  })
  await clickMenu(desktop.bus, tray, 'Pause', 'For 1 hour')
  await until('the tooltip to say so', async () =>
    (await readTray(desktop.bus, tray)).tooltip.includes('Paused until'),
  )
  expect(await told.jsonValue()).toEqual([])
  await activateTray(desktop.bus, tray)
  await until('the window to be shown', isVisible)
  await expect(page.getByRole('status').first()).toContainText('Paused until')

  await clickMenu(desktop.bus, tray, 'Resume')
  await expect(page.getByRole('status').first()).not.toContainText('Paused')
  await clickMenu(desktop.bus, tray, 'Pause', 'For another time…')
  const dialog = page.getByRole('dialog', { name: 'Pause sending' })
  await dialog.getByLabel('Hours').fill('30')
  await dialog.getByRole('button', { name: 'Pause' }).click()
  await expect(page.getByRole('status').first()).toContainText('Paused until')

  // The close button hides, which is said at the first time alone.
  const close = () =>
    holdfast.application.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close())
  await close()
  await desktop.notifications.waitFor('it goes on', ({ summary }) => summary === 'Holdfast keeps running')
  await activateTray(desktop.bus, tray)
  await until('the window to be shown', isVisible)
  await close()
  await until('the window to be hidden', async () => !(await isVisible()))
  expect(desktop.notifications.all).toHaveLength(1)
})

test('tray menu: its first line is the headline', async ({ desktop }) => {
  test.setTimeout(90_000)
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-e2e-source-'))
  // Nobody listens there.
  const away = {
    id: 'away',
    kind: 'receiver' as const,
    name: 'nas-2',
    host: '127.0.0.1',
    port: 1,
    fingerprint: 'a'.repeat(64),
  }
  const { holdfast, page } = await desktop.start({ settings: { destinations: [away] }, args: [source] })
  const address = await waitForTray(desktop.bus, { pid: holdfast.pid })
  const isAway = async () => (await readTray(desktop.bus, address)).tooltip.includes('unreachable')
  await until('it to be unreachable', isAway)
  const [line] = await readMenu(desktop.bus, address)
  expect(line?.label).toBe('nas-2 is unreachable.')
  await expect(page.locator('.header-words')).toHaveText(/^nas-2 is unreachable\.Since [\d:]+\.$/)
  await page.getByRole('button', { name: 'More', exact: true }).click()
  await expect(page.getByRole('menu')).toContainText(line?.label ?? '')
  await rm(source, TREE)
})

test('command error: it is shown in the language of the window', async ({ desktop }) => {
  // The ledger cannot be opened: there is no list of files.
  await mkdir(path.join(desktop.dataDirectory, 'ledger.db'))
  const { page } = await desktop.start({ settings: { language: 'zh-TW' } })
  await page.getByRole('tab', { name: '傳輸' }).click()
  const failure = page.getByText('無法讀取清單')
  await expect(failure).toBeVisible()
  await expect(failure).toHaveText(/^無法讀取清單：無法寫入 .*ledger\.db 的待傳檔案清單：/)
})

test('tray menu: a command that fails is shown as a notice', async ({ desktop }) => {
  const { holdfast, page, state } = await desktop.start()
  const tray = await waitForTray(desktop.bus, { pid: holdfast.pid })
  // The icon is there before the settings are read.
  await expect(page.getByRole('tab', { name: /Alerts/ })).toBeVisible()
  // A directory in its place takes no words, as a disk that is full or read-only.
  await rm(path.join(desktop.dataDirectory, 'settings.json'), { force: true })
  await mkdir(path.join(desktop.dataDirectory, 'settings.json'))
  await clickMenu(desktop.bus, tray, 'Pause', 'For 1 hour')
  await page.getByRole('tab', { name: /Alerts/ }).click()
  await expect(page.getByText(/it is a folder/).first()).toBeVisible()

  await clickMenu(desktop.bus, tray, 'Add folder…')
  await chooseDirectory(desktop.dataDirectory)
  await expect(page.getByText('where copies are kept').first()).toBeVisible()
  expect((await state()).notices).toHaveLength(2)
})

test('tray menu: adding a directory that is already protected shows a message, not a notice', async ({
  desktop,
}) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-e2e-source-'))
  const { holdfast, page, state } = await desktop.start({ args: [source] })
  const tray = await waitForTray(desktop.bus, { pid: holdfast.pid })
  await expect(page.getByRole('article', { name: path.basename(source) })).toBeVisible()
  await clickMenu(desktop.bus, tray, 'Add folder…')
  await chooseDirectory(source)
  await until('the answer', openDialog)
  expect((await state()).notices).toEqual([])
  await cancelDialog()
  await rm(source, TREE)
})

test('source menu: “Choose another folder…” points a directory to its new path', async ({ desktop }) => {
  const root = await mkdtemp(path.join(tmpdir(), 'holdfast-moved-'))
  const [before, now] = [path.join(root, 'before'), path.join(root, 'now')]
  for (const directory of [before, now]) await mkdir(directory)
  const { page, state } = await desktop.start({ args: [before] })
  await page.getByRole('button', { name: 'Actions for before' }).click()
  await page.getByRole('menuitem', { name: 'Choose another folder…' }).click()
  // It is shown for some seconds, in which a busy desktop may still be closing the dialog.
  await Promise.all([page.getByText('The new folder is used now.').waitFor(), chooseDirectory(now)])
  expect((await state()).sources[0]?.settings).toMatchObject({ name: 'before', path: now })
  await rm(root, TREE)
})

test('tray: a state change while Holdfast quits does not reach an icon that is already removed', async ({
  desktop,
}) => {
  const { holdfast, page } = await desktop.start()
  const application = holdfast.application.process()
  await page
    .evaluate(() => {
      void window.holdfast.call('quit', {})
      void window.holdfast.call('pause', { minutes: 60 })
    })
    // It may be gone before it can answer.
    .catch(() => undefined)
  // What is thrown meanwhile is shown in a box that waits for somebody.
  await until('Holdfast to be gone', () => application.exitCode !== null)
  expect(holdfast.output()).not.toContain('destroyed')
})

test('add directory: each directory that cannot be protected is refused with its reason', {
  tag: '@story',
}, async ({ desktop }) => {
  const root = await mkdtemp(path.join(tmpdir(), 'holdfast-refused-'))
  await mkdir(path.join(root, 'outer/inner'), { recursive: true })
  await writeFile(path.join(root, 'file'), '')
  const { page } = await desktop.start({ args: [path.join(root, 'outer')] })
  await expect(page.getByRole('article', { name: 'outer' })).toBeVisible()
  const refusals: [string, RegExp][] = [
    [path.join(root, 'nowhere'), /does not exist/],
    [path.join(root, 'file'), /is not a folder/],
    [path.join(root, 'outer/inner'), /is inside “outer”/],
    [root, /contains “outer”/],
    [desktop.dataDirectory, /where copies are kept/],
  ]
  for (const [directory, words] of refusals) {
    const refusal = await page.evaluate(
      (chosen) =>
        window.holdfast.call('addSource', { path: chosen }).then(
          () => null,
          (sentence: Message) => sentence,
        ),
      directory,
    )
    expect(refusal === null ? '' : englishWords(refusal)).toMatch(words)
  }
  await page.getByRole('button', { name: 'Add folder' }).first().click()
  await chooseDirectory(path.join(root, 'outer/inner'))
  const refusal = page.getByRole('alert')
  await expect(refusal).toContainText('is inside “outer”')
  // It does not cover the page, and the next click removes it.
  const bottom = await page.locator('#main').evaluate((one) => one.getBoundingClientRect().bottom)
  expect(bottom).toBeLessThanOrEqual((await refusal.boundingBox())?.y ?? 0)
  await page.getByRole('button', { name: 'Other ways to add' }).click()
  await expect(refusal).toBeEmpty()
  await page.getByRole('menuitem', { name: /Type a path/ }).click()
  await expect(page.getByRole('dialog')).toBeVisible()
  await rm(root, TREE)
})

test('add directory: a batch directory typed again is reported as protected, with another kind as set otherwise', async ({
  desktop,
}) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-batch-'))
  const { page } = await desktop.start({
    settings: { sources: [{ id: 's', path: source, name: 'data', kind: 'batch' }] },
  })
  await page.getByRole('button', { name: 'Other ways to add' }).click()
  await page.getByRole('menuitem', { name: /Type a path/ }).click()
  const dialog = page.getByRole('dialog')
  const add = dialog.getByRole('button', { name: 'Add', exact: true })
  await dialog.getByRole('textbox').first().fill(source)
  await add.click()
  await expect(dialog.getByText('is already protected as “data”.')).toBeVisible()
  for (const kind of ['Batch', 'Continuous']) await dialog.getByText(kind, { exact: true }).click()
  await add.click()
  await expect(dialog.getByText('but with other settings')).toBeVisible()
  await rm(source, TREE)
})

test('drag and drop: a folder dropped on the window becomes a source; a file is refused', async ({
  desktop,
}) => {
  const root = await mkdtemp(path.join(tmpdir(), 'holdfast-drop-'))
  await mkdir(path.join(root, 'dropped'))
  await writeFile(path.join(root, 'notes.txt'), '')
  const { page } = await desktop.start()
  await expect(page.getByRole('button', { name: 'Add folder' }).first()).toBeVisible()
  // What the browser does with files that come from the desktop's file manager.
  const session = await page.context().newCDPSession(page)
  const drop = async (file: string) => {
    const data = { items: [], files: [file], dragOperationsMask: 1 }
    await session.send('Input.dispatchDragEvent', { type: 'dragEnter', x: 200, y: 300, data })
    await expect(page.getByText('Drop to protect this folder')).toBeVisible()
    await session.send('Input.dispatchDragEvent', { type: 'dragOver', x: 200, y: 301, data })
    await session.send('Input.dispatchDragEvent', { type: 'drop', x: 200, y: 300, data })
  }
  await drop(path.join(root, 'dropped'))
  // The first steps go on with it.
  await expect(page.getByRole('region', { name: 'First steps' })).toContainText('dropped')
  await drop(path.join(root, 'notes.txt'))
  await expect(page.getByRole('alert')).toContainText(
    'is not a folder. Choose the folder that holds the files.',
  )
  await rm(root, TREE)
})
