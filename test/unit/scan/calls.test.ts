import { expect, test } from 'vitest'
import { callOn } from '../../../core/walk/walk.ts'

test('source calls: at most 8 hung calls run for one source, and another source is served', async () => {
  let out = 0
  const hang = () => {
    out += 1
    return new Promise<never>(() => undefined)
  }
  for (let count = 0; count < 100; count += 1) void callOn('/hung', hang)
  expect(out).toBe(8)
  expect(await callOn('/well', async () => 'answer')).toBe('answer')
})
