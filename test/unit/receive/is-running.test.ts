import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { isRunning } from '../../../core/receive/pairing/invitation.ts'

test('a process runs until it has ended; one that may not be signalled runs', async () => {
  const child = spawn(process.execPath, ['-e', ''])
  const pid = child.pid ?? 0
  expect(isRunning(pid)).toBe(true)
  await once(child, 'exit')
  expect(isRunning(pid)).toBe(false)
  expect(isRunning(1)).toBe(true)
})
