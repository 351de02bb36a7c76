import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { isReachable } from '../../electron/main/window-place.ts'
import { electronExecutable, launchHoldfast } from '../support/desktop/launch.ts'
import { until } from '../support/until.ts'
import { expect, type Running, test } from './desktop.ts'

const windowFile = (dataDirectory: string) => path.join(dataDirectory, 'window.json')
const readBounds = (dataDirectory: string) =>
  JSON.parse(readFileSync(windowFile(dataDirectory), 'utf8')).bounds

/** Ended, though a thread of it may still wait in the kernel. */
function isOver(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.startsWith('Z') ?? true
  } catch {
    return true
  }
}

/** Whether the window is shown; null: it is there no more. */
const visible = ({ holdfast }: Pick<Running, 'holdfast'>) =>
  holdfast.application.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible() ?? null)

test('window: closing hides it, even if its position cannot be saved', { tag: '@story' }, async ({
  desktop,
}) => {
  const running = await desktop.start()
  const { holdfast } = running
  await until('the window to be shown', () => visible(running))
  // A directory in its place takes no words, as a disk that is full or read-only.
  rmSync(windowFile(desktop.dataDirectory), { force: true })
  mkdirSync(windowFile(desktop.dataDirectory))
  await holdfast.application.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close())
  await until('the window to be hidden', async () => (await visible(running)) === false)
})

test('window: a data disk that hangs delays neither hiding nor quitting', async ({ desktop }) => {
  const disk = await desktop.ext4()
  const dataDirectory = path.join(disk.point, 'holdfast')
  const holdfast = await launchHoldfast({ dataDirectory })
  await until('the window to be shown', () => visible({ holdfast }))
  // The window is there before the start is over, which writes to the data directory.
  const page = await holdfast.window()
  // Without a path no worker would run, and none would have a file open there.
  await page.evaluate((checked) => window.holdfast.call('addCheckedPath', { path: checked }), tmpdir())
  await until('the start to be over', async () => {
    const { state } = await page.evaluate(() => window.holdfast.call('snapshot', {}))
    const workers = Object.values(state.workers).filter(({ condition }) => condition !== 'off')
    return workers.length > 0 && workers.every(({ condition }) => condition === 'running')
  })
  await disk.freeze()
  try {
    await holdfast.application.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close())
    await until('the window to be hidden', async () => (await visible({ holdfast })) === false)
    process.kill(holdfast.pid, 'SIGTERM')
    // What waits in the kernel stays: a process whose disk is frozen is gone altogether when that goes on.
    await until('Holdfast to be over', () => isOver(holdfast.pid))
  } finally {
    await disk.thaw()
    await holdfast.close().catch(() => undefined)
  }
})

test('window: its size is saved when it is hidden by its menu and when Holdfast quits', async ({
  desktop,
}) => {
  const running = await desktop.start()
  const { holdfast, page } = running
  await until('the window to be shown', () => visible(running))
  const resize = (width: number) =>
    holdfast.application.evaluate(async ({ BrowserWindow }, wanted) => {
      BrowserWindow.getAllWindows()[0]?.setSize(wanted, 560)
    }, width)
  await resize(450)
  await until('the new size', async () => (await page.evaluate(() => window.outerWidth)) === 450)
  await page.evaluate(() => window.holdfast.call('hideWindow', {}))
  const { dataDirectory } = desktop
  await until('it to be remembered', () => readBounds(dataDirectory))
  expect(readBounds(dataDirectory)).toMatchObject({ width: 450, height: 560 })
  await resize(480)
  await until('the newer size', async () => (await page.evaluate(() => window.outerWidth)) === 480)
  await holdfast.close()
  expect(readBounds(dataDirectory)).toMatchObject({ width: 480 })
})

test('window: a maximised window saves the size that it had before', async ({ desktop }) => {
  const { dataDirectory } = desktop
  const running = await desktop.start()
  const { application } = running.holdfast
  const isMaximised = () =>
    application.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isMaximized())
  await until('the window to be shown', () => visible(running))
  await application.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.maximize())
  await until('it to be maximised', isMaximised)
  await running.page.evaluate(() => window.holdfast.call('hideWindow', {}))
  await until('it to be remembered', () => readBounds(dataDirectory))
  expect(readBounds(dataDirectory)).toMatchObject({ width: 400, height: 640 })

  await application.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.show())
  await until('it to be maximised again', async () => (await visible(running)) && (await isMaximised()))
  await running.holdfast.close()
  expect(readBounds(dataDirectory)).toMatchObject({ width: 400, height: 640 })
})

test('window: a position on a missing screen is not used, and the last page is shown', async ({
  desktop,
}) => {
  const gone = { x: 9000, y: 9000, width: 500, height: 700 }
  writeFileSync(windowFile(desktop.dataDirectory), JSON.stringify({ bounds: gone, page: 'alerts' }))
  const running = await desktop.start({ args: [path.dirname(desktop.dataDirectory)] })
  await until('the window to be shown', () => visible(running))
  const bounds = await running.holdfast.application.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0]?.getBounds(),
  )
  expect(bounds).toMatchObject({ width: 400, height: 640 })
  await expect(running.page.getByRole('tab', { name: 'Alerts', selected: true })).toBeVisible()
  await running.page.getByRole('tab', { name: 'Overview' }).click()
  await until('the new page to be kept', () => {
    const kept = JSON.parse(readFileSync(windowFile(desktop.dataDirectory), 'utf8'))
    return kept.page === 'overview'
  })
})

test('window: a hidden window whose screen was removed is shown on an existing screen', async ({
  desktop,
}) => {
  const running = await desktop.start()
  const { holdfast, page } = running
  await until('the window to be shown', () => visible(running))
  await page.evaluate(() => window.holdfast.call('hideWindow', {}))
  await until('the window to be hidden', async () => (await visible(running)) === false)
  // Some window managers bring it back by themselves: what counts is what is asked of them.
  const asked = await holdfast.application.evaluateHandle(({ BrowserWindow }) => {
    const [browser] = BrowserWindow.getAllWindows()
    const places: { x: number; y: number }[] = []
    browser?.setBounds({ x: 9000, y: 9000, width: 500, height: 600 })
    const setPosition = browser?.setPosition.bind(browser)
    if (browser !== undefined)
      browser.setPosition = (x, y) => {
        places.push({ x, y })
        setPosition?.(x, y)
      }
    return places
  })
  const flags = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const second = spawn(await electronExecutable(), [...flags, path.resolve(import.meta.dirname, '../..')], {
    env: { ...process.env, HOLDFAST_HOME: desktop.dataDirectory },
    stdio: 'ignore',
  })
  expect(await once(second, 'exit')).toEqual([0, null])
  await until('the window to come forward', () => visible(running))
  const { bounds, workArea } = await holdfast.application.evaluate(({ BrowserWindow, screen }) => ({
    bounds: BrowserWindow.getAllWindows()[0]?.getBounds(),
    workArea: screen.getPrimaryDisplay().workArea,
  }))
  expect(bounds).toMatchObject({ width: 500, height: 600 })
  const places = await asked.jsonValue()
  expect(places).toHaveLength(1)
  for (const place of places)
    expect(isReachable({ width: 500, height: 600, ...place }, [workArea])).toBe(true)
})
