import { describe, expect, test } from 'vitest'
import { verdictKinds } from '../../../core/check/messages.ts'
import { delayFacts, plotData } from '../../../renderer/features/overview/delay-data.ts'
import {
  type Batch,
  doneWord,
  healthOf,
  phaseOf,
  summariseBatches,
} from '../../../renderer/features/overview/describe.ts'
import { checkedState, sourceState } from './fake-state.ts'

const now = 1_700_000_000_000

describe('health', () => {
  const checked = checkedState('id', '/data', { at: now })

  test('before the first check it is unknown', () => {
    expect(healthOf(null, 10, now)).toEqual({ level: 'unknown', word: 'window.health.unknown' })
  })

  test('old knowledge is never well', () => {
    expect(healthOf(checked, 10, now + 40_000)).toEqual({ level: 'ok', word: 'window.health.writable' })
    expect(healthOf(checked, 10, now + 40_001)).toEqual({ level: 'unknown', word: 'window.health.old' })
  })

  test('a failure stays one however old', () => {
    const hung = { ...checked, overall: { ...checked.overall, kind: 'hung' as const } }
    expect(healthOf(hung, 10, now + 3_600_000)).toEqual({ level: 'failing', word: 'window.health.hung' })
  })

  test('read-only as it was chosen is no fault, and not called writable', () => {
    const chosen = { ...checked, readOnlyByIntent: true, probes: { read: checked.overall } }
    expect(healthOf(chosen, 10, now)).toEqual({ level: 'ok', word: 'window.health.readOnlyByIntent' })
  })

  test('without a good write probe nothing is called writable', () => {
    expect(healthOf({ ...checked, probes: { read: checked.overall } }, 10, now).word).toBe('window.health.ok')
  })

  test.each(verdictKinds)('a verdict of %s has its level', (kind) => {
    const level = kind === 'ok' ? 'ok' : kind === 'slow' ? 'attention' : 'failing'
    expect(healthOf({ ...checked, overall: { ...checked.overall, kind } }, 10, now).level).toBe(level)
  })
})

test('a paused source is paused, whatever its scanner last said', () => {
  expect(phaseOf(sourceState('a', '/a', { settings: { paused: true } }))).toBe('window.phase.paused')
  expect(phaseOf(sourceState('a', '/a', { scanned: null }))).toBe('window.phase.starting')
  expect(phaseOf(sourceState('a', '/a'))).toBe('window.phase.watching')
})

test('"safe" is said of a receiver alone', () => {
  expect(doneWord('receiver')).toBe('window.count.safe')
  expect(doneWord('embedded')).toBe('window.count.copied')
})

describe('batches in one line', () => {
  const batch = (name: string, phase: Batch['phase']): Batch => ({ name, phase, waiting: 0 })
  const named = (name: string, phase: Batch['phase']) => ({ kind: 'named', name, phase })
  const counted = (word: string, count: number) => ({ kind: 'counted', word, count })

  test.each([
    { name: 'none', batches: [], parts: [] },
    {
      name: 'the newest first; what was not closed properly always',
      batches: [batch('DC10', 'not-closed'), batch('DC11', 'closing'), batch('DC12', 'live')],
      parts: [named('DC12', 'live'), named('DC11', 'closing'), counted('window.batch.notClosedCount', 1)],
    },
    {
      name: 'more than two under way are counted',
      batches: [batch('1', 'waiting'), batch('2', 'waiting'), batch('3', 'closing'), batch('4', 'live')],
      parts: [named('4', 'live'), named('3', 'closing'), counted('window.batch.more', 2)],
    },
    {
      name: 'the last one done names a line with nothing under way, and is not counted twice',
      batches: [batch('1', 'sent'), batch('2', 'sent'), batch('3', 'sent')],
      parts: [named('3', 'sent'), counted('window.batch.sentCount', 2)],
    },
    {
      name: 'done ones are counted beside a live one',
      batches: [batch('1', 'sent'), batch('2', 'sent'), batch('3', 'live')],
      parts: [named('3', 'live'), counted('window.batch.sentCount', 2)],
    },
  ])('$name', ({ batches, parts }) => expect(summariseBatches(batches)).toEqual(parts))
})

describe('the delay plot', () => {
  test('has seconds before the last check, delays, and a mark where a check failed', () => {
    expect(plotData([4, null, 6], 10)).toEqual([
      [-20, -10, 0],
      [4, null, 6],
      [null, 0, null],
    ])
  })

  test('its words are the median and the longest, or nothing', () => {
    expect(delayFacts([9, null, 1, 4])).toEqual({ median: 4, most: 9 })
    expect(delayFacts([3, 1, 2, 10])).toEqual({ median: 2, most: 10 })
    expect(delayFacts([null, null])).toBeNull()
  })
})
