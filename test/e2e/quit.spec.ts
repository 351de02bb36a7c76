import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { stateSnapshotSchema } from '../../core/agent/state/schema.ts'
import { electronExecutable } from '../support/desktop/launch.ts'
import { trayAddresses, trayProcess, waitForTray } from '../support/desktop/tray.ts'
import { until } from '../support/until.ts'
import { expect, test } from './desktop.ts'

const projectDirectory = path.resolve(import.meta.dirname, '../..')

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('started again while it quits, it is there again, with the directories that were named', async ({
  desktop,
}) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-again-'))
  const { holdfast, state } = await desktop.start()
  await waitForTray(desktop.bus, { pid: holdfast.pid })
  const checker = await until('a checker', async () => (await state()).workers.checker.pid)
  // One that does not end when it is asked to is waited for.
  process.kill(checker, 'SIGSTOP')
  process.kill(holdfast.pid, 'SIGTERM')
  await until('it to quit', async () => (await trayAddresses(desktop.bus)).length === 0)
  expect(isRunning(holdfast.pid)).toBe(true)
  const flags = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const second = spawn(await electronExecutable(), [...flags, projectDirectory, source], {
    env: { ...process.env, HOLDFAST_HOME: desktop.dataDirectory },
    stdio: 'ignore',
  })
  await until('the first one to be gone', () => !isRunning(holdfast.pid), 30_000)

  const sourcesNow = async () => {
    const snapshot = await sendCommand(desktop.dataDirectory, 'snapshot', {})
    return stateSnapshotSchema.parse(snapshot).state.sources.map(({ settings }) => settings.path)
  }
  try {
    await until('another one with the directory', async () => (await sourcesNow()).includes(source), 30_000)
  } finally {
    second.kill('SIGKILL')
    const [address] = await trayAddresses(desktop.bus)
    const pid = address === undefined ? null : await trayProcess(desktop.bus, address)
    if (pid !== null) {
      process.kill(pid, 'SIGTERM')
      await until('it to be gone', () => !isRunning(pid), 30_000)
    }
    await rm(source, { recursive: true })
  }
})
