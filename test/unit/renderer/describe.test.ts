import { describe, expect, test } from 'vitest'
import { isOldVerdict } from '../../../core/agent/state/derived.ts'
import { verdictKinds } from '../../../core/check/checker-messages.ts'
import {
  axisMarks,
  plotData,
  reaches,
  shownLength,
  summarizeDelays,
} from '../../../renderer/features/overview/delay-data.ts'
import {
  type Batch,
  doneWord,
  getHealth,
  getPhaseWord,
  removalEffects,
  summariseBatches,
} from '../../../renderer/features/overview/describe.ts'
import { createWords } from '../../../renderer/words/dictionaries.ts'
import { checkedState, destinationState, emptyState, sourceState } from './fake-state.ts'

const now = 1_700_000_000_000

describe('delete after sending', () => {
  const inWords = (language: 'en' | 'zh-TW', ...ids: string[]) => {
    const say = createWords(language)
    const there = ids.map((id) => destinationState(id))
    const destinations = there.length === 0 ? emptyState().destinations : there
    return removalEffects('Photos', destinations, (key, params = {}) => say({ key, params })).join(' ')
  }

  test('the text for a destination on this computer explains that files stay, and does not mention "safe"', () => {
    expect(inWords('en')).toContain('nothing is removed until files go to another one')
    expect(inWords('en')).not.toMatch(/safe|disappear/)
  })

  test('the text for remote destinations describes the removal, and lists them in the format of the language', () => {
    expect(inWords('en', 'nas', 'cellar')).toContain('safe at nas, cellar are removed here')
    expect(inWords('zh-TW', 'nas', 'cellar')).toContain('nas、cellar')
  })
})

describe('source health', () => {
  const checked = checkedState('id', '/data', { at: now })

  test('a source is unknown before its first check', () => {
    expect(getHealth(null, false)).toEqual({ level: 'unknown', word: 'window.health.unknown' })
  })

  test('an outdated good result is unknown, not ok', () => {
    expect(isOldVerdict(checked, 10, now + 40_000)).toBe(false)
    expect(isOldVerdict(checked, 10, now + 40_001)).toBe(true)
    expect(getHealth(checked, false)).toEqual({ level: 'ok', word: 'window.health.diskOk' })
    expect(getHealth(checked, true)).toEqual({ level: 'unknown', word: 'window.health.old' })
  })

  test('an outdated failure is still shown as failing', () => {
    const hung = { ...checked, overall: { ...checked.overall, kind: 'hung' as const } }
    expect(getHealth(hung, true)).toEqual({ level: 'failing', word: 'window.health.hung' })
  })

  test('a source that is read-only by choice is ok, and not called writable', () => {
    const chosen = { ...checked, readOnlyByIntent: true, probes: { read: checked.overall } }
    expect(getHealth(chosen, false)).toEqual({ level: 'ok', word: 'window.health.readOnlyByIntent' })
  })

  test.each(verdictKinds)('a verdict of %s has the expected level', (kind) => {
    const level = kind === 'ok' || kind === 'slow' ? 'ok' : 'failing'
    expect(getHealth({ ...checked, overall: { ...checked.overall, kind } }, false).level).toBe(level)
  })
})

test('source phase: paused, starting, watching and a failing disk each have their own word', () => {
  expect(getPhaseWord(sourceState('a', '/a', { settings: { paused: true } }))).toBe('window.phase.paused')
  expect(getPhaseWord(sourceState('a', '/a', { scanned: null }))).toBe('window.phase.starting')
  expect(getPhaseWord(sourceState('a', '/a'))).toBe('window.phase.watching')
  const overall = { ...checkedState('a', '/a').overall, kind: 'hung' as const }
  expect(getPhaseWord(sourceState('a', '/a', { checked: checkedState('a', '/a', { overall }) }))).toBe(
    'window.phase.disk',
  )
})

test('sent count: files are "safe" at a receiver, "copied" in the embedded store, "everywhere" at several', () => {
  const one = sourceState('data', '/data')
  expect(doneWord('receiver', one)).toBe('window.count.safe')
  expect(doneWord('embedded', one)).toBe('window.count.copied')
  const two = { ...one, destinations: [...one.destinations, ...one.destinations] }
  expect(doneWord('receiver', two)).toBe('window.count.everywhere')
})

describe('batch summary', () => {
  const batch = (name: string, phase: Batch['phase']): Batch => ({ name, phase, waiting: 0 })
  const named = (name: string, phase: Batch['phase']) => ({ kind: 'named', name, phase })
  const counted = (word: string, count: number) => ({ kind: 'counted', word, count })

  test.each([
    { name: 'no batches give an empty summary', batches: [], parts: [] },
    {
      name: 'the newest batch comes first, and batches not closed properly are counted',
      batches: [batch('DC10', 'not-closed'), batch('DC11', 'closing'), batch('DC12', 'live')],
      parts: [named('DC12', 'live'), named('DC11', 'closing'), counted('window.batch.notClosedCount', 1)],
    },
    {
      name: 'batches in progress beyond the two newest are counted',
      batches: [batch('1', 'waiting'), batch('2', 'waiting'), batch('3', 'closing'), batch('4', 'live')],
      parts: [named('4', 'live'), named('3', 'closing'), counted('window.batch.more', 2)],
    },
    {
      name: 'the last sent batch is named if no batch is in progress, and is not counted again',
      batches: [batch('1', 'sent'), batch('2', 'sent'), batch('3', 'sent')],
      parts: [named('3', 'sent'), counted('window.batch.sentCount', 2)],
    },
    {
      name: 'sent batches are counted beside a live batch',
      batches: [batch('1', 'sent'), batch('2', 'sent'), batch('3', 'live')],
      parts: [named('3', 'live'), counted('window.batch.sentCount', 2)],
    },
  ])('$name', ({ batches, parts }) => expect(summariseBatches(batches)).toEqual(parts))
})

describe('delay plot', () => {
  const check = (at: number, delay: number | null, kind: 'ok' | 'slow' | 'hung' = 'ok') => ({
    at,
    count: 1,
    delays: delay === null ? null : { min: delay, median: delay, p99: delay, max: delay },
    gravest: kind,
    kinds: { [kind]: 1 },
  })

  test('the data has seconds before now, median and p99, and a mark for each failed check', () => {
    const points = [check(0, 4), check(10_000, null, 'hung'), check(20_000, 6, 'slow')]
    expect(plotData({ points, spanMs: 0 }, 20_000, 10_000)).toEqual([
      [-20, -10, 0],
      [4, null, 6],
      [4, null, 6],
      [null, 0, null],
    ])
  })

  test('the line is interrupted where checks are missing for longer than the interval', () => {
    const times = [0, 10_000, 20_000, 30_000, 40_000, 90_000]
    const points = times.map((at) => check(at, 4))
    expect(plotData({ points, spanMs: 0 }, 90_000, 10_000)[1]).toEqual([4, 4, 4, 4, 4, null, 4])
    expect(plotData({ points, spanMs: 60_000 }, 90_000, 10_000)[1]).toEqual([4, 4, 4, 4, 4, 4])
  })

  test('the line is not interrupted where the check interval used to be longer', () => {
    const points = [0, 30_000, 60_000, 90_000].map((at) => check(at, 4))
    expect(plotData({ points, spanMs: 0 }, 90_000, 1_000)[1]).toEqual([4, 4, 4, 4])
  })

  test('the summary counts checks and failures, with the median, p99 and the longest delay', () => {
    const span = (count: number, median: number, p99: number, max: number) => ({
      at: 0,
      count,
      delays: { min: 0, median, p99, max },
      gravest: 'hung' as const,
      kinds: { ok: count - 1, hung: 1 },
    })
    expect(summarizeDelays({ points: [span(10, 9, 40, 50), span(30, 1, 6, 7)], spanMs: 60_000 })).toEqual({
      checks: 40,
      failed: 2,
      delays: { median: 1, p99: 40, most: 50 },
    })
    expect(summarizeDelays({ points: [check(0, null, 'hung')], spanMs: 0 })).toEqual({
      checks: 1,
      failed: 1,
      delays: null,
    })
  })

  test('the time range begins with the first check', () => {
    const history = { points: [check(1_000, 4)], spanMs: 0 }
    expect(shownLength(history, 121_000, 'hour')).toBe(120_000)
    expect(shownLength(history, 2_000, 'hour')).toBe(10_000)
    expect(shownLength(history, 90_000_000, 'hour')).toBe(reaches.hour.lengthMs)
    expect(shownLength({ points: [], spanMs: 0 }, 2_000, 'day')).toBe(reaches.day.lengthMs)
  })

  test('the axis has few labels, the last of them for now', () => {
    expect(axisMarks(reaches.hour.lengthMs, 320)).toEqual([-3600, -2400, -1200, 0])
    expect(axisMarks(reaches.month.lengthMs, 320).length).toBe(4)
    expect(axisMarks(95_000, 320)).toEqual([-60, 0])
    expect(axisMarks(60_000, 320)).toEqual([-60, -40, -20, 0])
    expect(axisMarks(60_000, 100)).toEqual([-60, 0])
  })
})
