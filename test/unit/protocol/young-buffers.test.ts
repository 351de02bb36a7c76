import { expect, test } from 'vitest'
import { countUsed } from '../../../core/protocol/frame-buffers.ts'

test('received buffers: unreferenced buffers are collected before they reach 20 MiB', () => {
  const record = 16 * 1024
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  let last: Buffer | null = null
  for (let count = 0; count < 8_192; count += 1) {
    last = Buffer.allocUnsafeSlow(record)
    countUsed(record)
    if (count % 64 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - before)
  }
  expect(last?.length).toBe(record)
  // 128 MiB went through; left to itself V8 holds 32 MiB and more of them.
  expect(most / 1024 ** 2).toBeLessThan(20)
})
