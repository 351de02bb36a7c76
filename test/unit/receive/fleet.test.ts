import { expect, test } from 'vitest'
import { countConditions, getSenderCondition, orderSenders } from '../../../core/receive/senders/fleet.ts'

const MINUTE_MS = 60_000
const NOW = 100 * MINUTE_MS
const sender = (name: string, seenAgo: number | null, level: string | null = 'ok', connected = false) => ({
  ...{ name, level, connected },
  seenAt: seenAgo === null ? null : NOW - seenAgo * MINUTE_MS,
})

test('sender condition: a report counts, and without a connection the time of the last one', () => {
  const of = (...facts: Parameters<typeof sender>) => getSenderCondition(sender(...facts), NOW)
  expect(of('a', 0, 'ok', true)).toBe('well')
  expect(of('a', 9)).toBe('well')
  expect(of('a', 11)).toBe('away')
  expect(of('a', 11, 'failing')).toBe('failing')
  expect(of('a', 0, 'attention', true)).toBe('attention')
  expect(of('a', 11, 'attention')).toBe('away')
  expect(of('a', null, null)).toBe('new')
  // An earlier version reports nothing.
  expect(of('a', 0, null, true)).toBe('well')
  expect(of('a', 0, 'of tomorrow', true)).toBe('well')
})

test('fleet: the gravest come first, then by name, and each condition is counted', () => {
  const senders = [
    sender('c', 0, 'ok', true),
    sender('b', 30),
    sender('d', null, null),
    sender('e', 0, 'attention', true),
    sender('a', 0, 'working', true),
    sender('f', 0, 'failing', true),
  ]
  expect(orderSenders(senders, NOW).map(({ name }) => name)).toEqual(['f', 'b', 'e', 'd', 'a', 'c'])
  expect(countConditions(senders, NOW)).toEqual([
    ['failing', 1],
    ['away', 1],
    ['attention', 1],
    ['new', 1],
    ['well', 2],
  ])
})
