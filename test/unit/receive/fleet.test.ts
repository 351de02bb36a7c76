import { expect, test } from 'vitest'
import {
  countConditions,
  getSenderCondition,
  groupSenders,
  orderSenders,
  senderOrders,
} from '../../../core/receive/senders/fleet.ts'

const MINUTE_MS = 60_000
const NOW = 100 * MINUTE_MS
const sender = (name: string, seenAgo: number | null, level: string | null = 'ok', connected = false) => ({
  ...{ name, level, connected, bytes: 0, oldestWaitingAt: null as number | null, label: '' },
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

test('fleet: each order has equal computers by name, and groups follow the first of their computers', () => {
  const senders = [
    { ...sender('c', 0, 'ok', true), bytes: 5, label: 'north' },
    { ...sender('b', 30), bytes: 9, oldestWaitingAt: 7 },
    { ...sender('a', null, null), label: 'north' },
    { ...sender('d', 20), oldestWaitingAt: 3 },
  ]
  const orders = senderOrders.map((order) => [
    order,
    orderSenders(senders, NOW, order)
      .map(({ name }) => name)
      .join(''),
  ])
  expect(Object.fromEntries(orders)).toEqual({
    ...{ condition: 'bdac', name: 'abcd', seen: 'abdc', used: 'bcad', waiting: 'dbac' },
  })
  const groups = groupSenders(orderSenders(senders, NOW, 'seen'))
  expect(groups.map(([label, group]) => [label, group.map(({ name }) => name)])).toEqual([
    ['north', ['a', 'c']],
    ['', ['b', 'd']],
  ])
})
