import { execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { askAgent } from '../support/agent/answers.ts'
import { electronExecutable } from '../support/desktop/launch.ts'
import { activateTray, waitForTray } from '../support/desktop/tray.ts'
import { usageByProcess } from '../support/process-tree.ts'
import { until } from '../support/until.ts'
import { expect, TREE, test } from './desktop.ts'

const run = promisify(execFile)

// Playwright ends an application whose page is gone: the tray and keys are a person's.
test('window: a hidden start creates no page, and a page whose process was killed is created again when shown', async ({
  desktop,
}) => {
  test.setTimeout(90_000)
  const checked = mkdtempSync(path.join(tmpdir(), 'holdfast-away-'))
  const { dataDirectory } = desktop
  mkdirSync(dataDirectory, { recursive: true })
  const settings = {
    checkedPaths: [{ id: 'c', path: checked }],
    check: { intervalSeconds: 3600 },
  }
  writeFileSync(path.join(dataDirectory, 'settings.json'), JSON.stringify(settings))
  const application = path.resolve(import.meta.dirname, '../..')
  const child = spawn(
    await electronExecutable(),
    [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), application, '--hidden'],
    { env: { ...process.env, HOLDFAST_HOME: dataDirectory }, stdio: 'ignore' },
  )
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const pid = child.pid ?? -1
  const ask = askAgent(dataDirectory)
  const checkedAt = async () => (await ask('snapshot', {})).state.checkedPaths[0]?.checked?.at ?? 0
  const page = () => [...usageByProcess(pid)].find(([, { name }]) => name.startsWith('renderer'))?.[0] ?? null
  const visible = async () => {
    const found = run('xdotool', ['search', '--onlyvisible', '--pid', String(pid), '--name', 'Holdfast'])
    return (await found.catch(() => null))?.stdout.trim().split('\n')[0] ?? null
  }
  /** A key of its own makes it check all paths: only a page that works does that. */
  const answersKeys = async () => {
    const before = await checkedAt()
    await until('the page to work', async () => {
      await run('xdotool', ['key', '--clearmodifiers', 'F5'])
      return (await checkedAt()) > before
    })
  }
  try {
    const tray = await waitForTray(desktop.bus, { pid })
    await until('a first check', async () => (await checkedAt().catch(() => 0)) > 0)
    expect([page(), await visible()]).toEqual([null, null])

    await activateTray(desktop.bus, tray)
    await until('the window to be shown', visible)
    await answersKeys()

    await activateTray(desktop.bus, tray)
    await until('the window to be hidden', async () => (await visible()) === null)
    process.kill(page() ?? -1, 'SIGKILL')
    await until('its page to be gone', () => page() === null)
    await activateTray(desktop.bus, tray)
    await until('the window to be shown', visible)
    await answersKeys()
  } finally {
    child.kill()
    await ended
    rmSync(checked, TREE)
  }
})
