import { expect, test } from 'vitest'
import { callOn } from '../../../core/walk/walk.ts'

test('calls on one source that hang leave the others theirs, and come to an end in number', async () => {
  let out = 0
  const hang = () => {
    out += 1
    return new Promise<never>(() => undefined)
  }
  for (let count = 0; count < 100; count += 1) void callOn('/hung', hang)
  expect(out).toBe(8)
  expect(await callOn('/well', async () => 'answer')).toBe('answer')
})
