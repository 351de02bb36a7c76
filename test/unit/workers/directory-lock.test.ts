import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test, vi } from 'vitest'
import { lockDirectory } from '../../../core/lib/workers/directory-lock.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const MODULE = fileURLToPath(new URL('../../../core/lib/workers/directory-lock.ts', import.meta.url))

test('directory lock: a directory has one holder until the lock is released', () => {
  const directory = temporaryDirectory('lock')
  const first = lockDirectory(directory)
  expect(first).not.toBeNull()
  expect(lockDirectory(directory)).toBeNull()
  first?.release()
  const second = lockDirectory(directory)
  expect(second).not.toBeNull()
  second?.release()
})

test('directory lock: the lock of a killed process is released', async () => {
  const directory = temporaryDirectory('lock')
  const script = `
    const { lockDirectory } = await import(${JSON.stringify(MODULE)})
    globalThis.held = lockDirectory(${JSON.stringify(directory)})
    console.log(globalThis.held === null ? 'refused' : 'held')
    setInterval(() => undefined, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 2],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stdout?.on('data', (text: Buffer) => {
    said += text.toString()
  })
  await until('the other process has it', () => said.includes('held'))
  expect(lockDirectory(directory)).toBeNull()
  child.kill('SIGKILL')
  const lock = await until('it is free', () => lockDirectory(directory))
  lock.release()
})

test('directory lock: a missing directory gives an error', () => {
  expect(() => lockDirectory('/nowhere/at/all')).toThrow()
})

test('directory lock: on other systems a database is locked', () => {
  const system = vi.spyOn(process, 'platform', 'get').mockReturnValue('freebsd')
  onTestFinished(() => system.mockRestore())
  const directory = temporaryDirectory('lock')
  const first = lockDirectory(directory)
  expect(first).not.toBeNull()
  expect(lockDirectory(directory)).toBeNull()
  first?.release()
  first?.release()
  const second = lockDirectory(directory)
  expect(second).not.toBeNull()
  second?.release()
  expect(() => lockDirectory('/nowhere/at/all')).toThrow()
})
