import { expect, test } from 'vitest'
import { callInTime } from '../../../core/walk/call-in-time.ts'
import { callOn } from '../../../core/walk/walk.ts'
import { until } from '../../support/until.ts'

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

test('calls on a disk inside a source: after a late one, no further call is made until that one has ended', async () => {
  const late = Promise.withResolvers<string>()
  const noAnswer = { code: 'ETIMEDOUT' }
  expect(await callInTime('/inner', 60_000, async () => 'answer')).toBe('answer')
  await expect(callInTime('/inner', 1, () => late.promise)).rejects.toMatchObject(noAnswer)
  const further = () => expect.fail('a further call')
  await expect(callInTime('/inner', 60_000, further)).rejects.toMatchObject(noAnswer)
  expect(await callInTime('/other', 60_000, async () => 'answer')).toBe('answer')
  late.resolve('late')
  await until('it has ended', () => callInTime('/inner', 60_000, async () => true).catch(() => false))
})
