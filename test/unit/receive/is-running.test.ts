import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { isRunning } from '../../../core/lib/workers/process.ts'

test('`isRunning`: returns true until the process has ended, and for a process that may not be signalled', async () => {
  const child = spawn(process.execPath, ['-e', ''])
  const pid = child.pid ?? 0
  expect(isRunning(pid)).toBe(true)
  await once(child, 'exit')
  expect(isRunning(pid)).toBe(false)
  expect(isRunning(1)).toBe(true)
})
