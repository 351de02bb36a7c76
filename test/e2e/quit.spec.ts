import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { stateSnapshotSchema } from '../../core/agent/state/schema.ts'
import { electronExecutable } from '../support/desktop/launch.ts'
import { trayAddresses, trayProcess, waitForTray } from '../support/desktop/tray.ts'
import { until } from '../support/until.ts'
import { expect, TREE, test } from './desktop.ts'

const projectDirectory = path.resolve(import.meta.dirname, '../..')

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('quit: a start during it runs Holdfast again afterwards, with the directories that were named', async ({
  desktop,
}) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-again-'))
  const checkedPaths = [{ id: 'checked', path: desktop.dataDirectory }]
  const { holdfast, state } = await desktop.start({ settings: { checkedPaths } })
  await waitForTray(desktop.bus, { pid: holdfast.pid })
  const checker = await until('a checker', async () => (await state()).workers.checker.pid)
  // One that does not end when it is asked to is waited for.
  process.kill(checker, 'SIGSTOP')
  // Windows ends a session in this way; the tests' own end sends SIGTERM.
  await holdfast.application.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0]?.emit('session-end'),
  )
  await until('it to quit', async () => (await trayAddresses(desktop.bus)).length === 0)
  expect(isRunning(holdfast.pid)).toBe(true)
  const flags = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const second = spawn(await electronExecutable(), [...flags, projectDirectory, source], {
    env: { ...process.env, HOLDFAST_HOME: desktop.dataDirectory },
    stdio: 'ignore',
  })
  await until('the first one to be gone', () => !isRunning(holdfast.pid))

  const sourcesNow = async () => {
    const snapshot = await sendCommand(desktop.dataDirectory, 'snapshot', {})
    return stateSnapshotSchema.parse(snapshot).state.sources.map(({ settings }) => settings.path)
  }
  try {
    await until('another one with the directory', async () => (await sourcesNow()).includes(source))
  } finally {
    second.kill('SIGKILL')
    const [address] = await trayAddresses(desktop.bus)
    const pid = address === undefined ? null : await trayProcess(desktop.bus, address)
    if (pid !== null) {
      process.kill(pid, 'SIGTERM')
      await until('it to be gone', () => !isRunning(pid))
    }
    await rm(source, TREE)
  }
})

test('quit: a question comes first while a large file is partly sent', { tag: '@story' }, async ({
  desktop,
}) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-half-'))
  await writeFile(path.join(source, 'large'), Buffer.alloc(30 * 1024 * 1024, 'x'))
  const sources = [{ id: 's', name: 'half', path: source }]
  const { holdfast, page, state } = await desktop.start({
    settings: { sources, send: { bytesPerSecond: 1024 * 1024 } },
  })
  await until('it to be half sent', async () =>
    (await state()).transfers.some(({ sentBytes }) => sentBytes > 0),
  )
  // The desktop's own box: it is answered here by what a person would press.
  const answer = (button: number) =>
    holdfast.application.evaluate(({ dialog }, response) => {
      const asked = Promise.withResolvers<string>()
      Object.assign(globalThis, { asked: asked.promise })
      dialog.showMessageBox = async (options: unknown) => {
        asked.resolve(JSON.stringify(options))
        return { response, checkboxChecked: false }
      }
    }, button)
  await answer(1)
  await page.evaluate(() => window.holdfast.call('quit', {}))
  const said = await holdfast.application.evaluate(
    () => (globalThis as unknown as { asked: Promise<string> }).asked,
  )
  expect(said).toContain('A large file is being sent')
  expect((await state()).transfers).toHaveLength(1)
  await answer(0)
  await page.evaluate(() => window.holdfast.call('quit', {})).catch(() => undefined)
  await until('it to be gone', () => !isRunning(holdfast.pid))
  await rm(source, TREE)
})
