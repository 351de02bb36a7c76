import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { lockDirectory } from '../../../core/lib/workers/directory-lock.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const MODULE = fileURLToPath(new URL('../../../core/lib/workers/directory-lock.ts', import.meta.url))

test('a directory is one holder’s until it lets go', () => {
  const directory = temporaryDirectory('lock')
  const first = lockDirectory(directory)
  expect(first).not.toBeNull()
  expect(lockDirectory(directory)).toBeNull()
  first?.release()
  const second = lockDirectory(directory)
  expect(second).not.toBeNull()
  second?.release()
})

test('a killed process holds nothing any more', async () => {
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

test('a directory that is not there is an error, not a lock', () => {
  expect(() => lockDirectory('/nowhere/at/all')).toThrow()
})
