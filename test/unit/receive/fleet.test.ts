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
const judging = { alerts: { silentHours: 24, silentHoursOf: {} }, startedAt: 0, now: NOW }
const sender = (name: string, seenAgo: number | null, level: string | null = 'ok', connected = false) => ({
  ...{ name, level, connected, bytes: 0, oldestWaitingAt: null as number | null, label: '' },
  seenAt: seenAgo === null ? null : NOW - seenAgo * MINUTE_MS,
  ...{
    folder: name,
    pairedAt: 0,
    statusAt: level === null ? null : NOW,
    absences: Array(8).fill(0) as number[],
  },
})

test('sender condition: a report counts, and without a connection the time of the last one', () => {
  const of = (...facts: Parameters<typeof sender>) => getSenderCondition(sender(...facts), judging)
  expect(of('a', 0, 'ok', true)).toBe('well')
  expect(of('a', 14)).toBe('well')
  expect(of('a', 15)).toBe('away')
  expect(of('a', 14, 'failing')).toBe('failing')
  expect(of('a', 15, 'failing')).toBe('away')
  expect(of('a', 0, 'attention', true)).toBe('attention')
  expect(of('a', 15, 'attention')).toBe('away')
  expect(of('a', null, null)).toBe('new')
  // An earlier version reports nothing.
  expect(of('a', 0, null, true)).toBe('well')
  expect(of('a', 0, 'of tomorrow', true)).toBe('well')
})

test('silence: a station is silent as set, or after three times its longest absence once a week is known', () => {
  const hour = 60 * MINUTE_MS
  const isAway = (minutes: number, changes: object, alerts = judging.alerts, startedAt = 0) => {
    const seenAt = 1_000 * hour - minutes * MINUTE_MS
    const one = { ...sender('a', 0), seenAt, ...changes }
    return getSenderCondition(one, { alerts, startedAt, now: 1_000 * hour }) === 'away'
  }
  const turns = (changes: object, limit: number, alerts = judging.alerts) =>
    expect([isAway(limit - 1, changes, alerts), isAway(limit, changes, alerts)]).toEqual([false, true])
  turns({}, 15)
  const week = (...hours: number[]) => ({
    absences: [...hours.map((one) => one * hour), ...Array(7).fill(0)],
  })
  turns(week(1), 180)
  turns(week(1, 0.1, 2), 360)
  turns(week(14), 24 * 60)
  turns(week(14), 42 * 60, { silentHours: 72, silentHoursOf: {} })
  // A week is not known yet, or it reports nothing.
  turns({ absences: [] }, 24 * 60)
  turns({ absences: undefined }, 24 * 60)
  turns({ absences: Array(7).fill(0) }, 24 * 60)
  turns({ level: null }, 24 * 60)
  turns({}, 30, { silentHours: 24, silentHoursOf: { a: 0.5 } })
  turns(week(14), 30, { silentHours: 24, silentHoursOf: { a: 0.5 } })
  turns({}, 48 * 60, { silentHours: 24, silentHoursOf: { a: 48 } })
  for (const off of [
    { silentHours: 0, silentHoursOf: {} },
    { silentHours: 24, silentHoursOf: { a: 0 } },
  ])
    expect(isAway(10_000, {}, off)).toBe(false)
  // The receiver has just started: the station may be reconnecting.
  expect(isAway(60, {}, judging.alerts, 1_000 * hour - 9 * MINUTE_MS)).toBe(false)
  expect(isAway(60, {}, judging.alerts, 1_000 * hour - 10 * MINUTE_MS)).toBe(true)
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
  expect(orderSenders(senders, judging).map(({ name }) => name)).toEqual(['f', 'b', 'e', 'd', 'a', 'c'])
  expect(countConditions(senders, judging)).toEqual([
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
    orderSenders(senders, judging, order)
      .map(({ name }) => name)
      .join(''),
  ])
  expect(Object.fromEntries(orders)).toEqual({
    ...{ condition: 'bdac', name: 'abcd', seen: 'abdc', used: 'bcad', waiting: 'dbac' },
  })
  const groups = groupSenders(orderSenders(senders, judging, 'seen'))
  expect(groups.map(([label, group]) => [label, group.map(({ name }) => name)])).toEqual([
    ['north', ['a', 'c']],
    ['', ['b', 'd']],
  ])
})
