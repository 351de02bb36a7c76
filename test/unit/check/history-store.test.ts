import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type HistoryStore, openHistoryStore } from '../../../core/check/history/history-store.ts'
import { tagOf } from '../../../core/check/history/packing.ts'
import type { VerdictKind } from '../../../core/check/messages.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Midnight, so that hours and days begin with it. */
const START = 1_699_920_000_000

interface Given {
  id?: string
  at: number
  kind?: VerdictKind
  delayMs?: number | null
}

function open(file = path.join(temporaryDirectory('history'), 'history.db'), mostBytes?: number) {
  const store = openHistoryStore(file, mostBytes)
  onTestFinished(() => {
    try {
      store.close()
    } catch {
      // The test has closed it.
    }
  })
  return { file, store }
}

function write(store: HistoryStore, given: readonly Given[]): void {
  store.write({
    count: given.length,
    paths: Uint32Array.from(given, ({ id }) => store.numberOf(id ?? 'a')),
    at: Float64Array.from(given, ({ at }) => at),
    tags: Float64Array.from(given, ({ kind, delayMs }) =>
      tagOf(kind ?? 'ok', delayMs === undefined ? 1 : delayMs),
    ),
  })
}

/** Runs the store's work to its end, or only so many of its steps. */
function tend(store: HistoryStore, now: number, steps = Number.POSITIVE_INFINITY): void {
  const work = store.tend(now)
  for (let step = 0; step < steps; step += 1) if (work.next().done === true) return
}

/** A check every ten seconds, with a delay that rises by a microsecond each time. */
function everyTenSeconds(from: number, to: number, id = 'a'): Given[] {
  const given: Given[] = []
  for (let at = from; at < to; at += 10_000) given.push({ id, at, delayMs: given.length / 1_000 })
  return given
}

const ask = (store: HistoryStore, from: number, to: number, points: number, now = to, id = 'a') =>
  store.ask({ id, from, to, points }, now)

const total = (points: readonly { count: number }[]) => points.reduce((sum, { count }) => sum + count, 0)

describe('the history of checks', () => {
  it('gives each check as it was, before and after its block is closed, and over a restart', () => {
    const { file, store } = open()
    write(store, [
      { at: START + 1, delayMs: 0.25 },
      { id: 'b', at: START + 2 },
    ])
    write(store, [{ at: START + 10_001, kind: 'hung', delayMs: null }])
    const expected = {
      spanMs: 0,
      points: [
        {
          at: START + 1,
          count: 1,
          delays: { min: 0.25, median: 0.25, p99: 0.25, max: 0.25 },
          gravest: 'ok',
          kinds: { ok: 1 },
        },
        { at: START + 10_001, count: 1, delays: null, gravest: 'hung', kinds: { hung: 1 } },
      ],
    }
    expect(ask(store, START, START + HOUR, 100)).toEqual(expected)
    tend(store, START + HOUR)
    expect(ask(store, START, START + HOUR, 100)).toEqual(expected)
    store.close()
    expect(ask(open(file).store, START, START + HOUR, 100)).toEqual(expected)
  })

  it('answers with as many points as are wanted at most, and loses no check in them', () => {
    const { store } = open()
    write(store, everyTenSeconds(START, START + 2 * HOUR + 7 * MINUTE))
    tend(store, START + 2 * HOUR + 7 * MINUTE)
    const to = START + 2 * HOUR + 7 * MINUTE
    for (const most of [1, 2, 10, 100, 361, 762, 2_000]) {
      const { points, spanMs } = ask(store, START, to, most)
      expect(points.length).toBeLessThanOrEqual(most)
      expect(total(points)).toBe(762)
      expect(points.every(({ at }, index) => index === 0 || at > (points[index - 1]?.at ?? at))).toBe(true)
      if (most >= 762) expect(spanMs).toBe(0)
      expect(points.at(-1)?.delays?.max).toBe(0.761)
    }
    expect(ask(store, START + 5, START + 5, 10).points).toEqual([])
    expect(ask(store, START, to, 10, to, 'unknown').points).toEqual([])
  })

  it('sums hours up when they are over, minute by minute until then', () => {
    const { store } = open()
    const to = START + 3 * HOUR + 30 * MINUTE
    write(store, everyTenSeconds(START, to))
    const facts = () =>
      ask(store, START, to, 3).points.map(({ at, count, delays }) => [
        at - START,
        count,
        delays?.min,
        delays?.max,
      ])
    const before = facts()
    expect(before).toEqual([
      [0, 720, 0, 0.719],
      [2 * HOUR, 540, 0.72, 1.259],
    ])
    tend(store, to)
    expect(facts()).toEqual(before)
    const month = ask(store, to - 30 * DAY, to, 360)
    expect(month.spanMs).toBeGreaterThanOrEqual(HOUR)
    expect(total(month.points)).toBe(3.5 * 360)
    expect(month.points[0]?.delays).toMatchObject({ min: 0 })
  })

  it('keeps each check for a day, minutes for a week, hours for 400 days', () => {
    const { file, store } = open()
    write(store, everyTenSeconds(START, START + HOUR))
    tend(store, START + 2 * HOUR)
    const rows = () => {
      const database = new DatabaseSync(file)
      const count = (table: string) =>
        (database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n
      const counts = [count('raw'), count('minute'), count('hour')]
      database.close()
      return counts
    }
    expect(rows()).toEqual([6, 6, 1])
    tend(store, START + 2 * HOUR + DAY)
    expect(rows()).toEqual([0, 6, 1])
    const now = START + 2 * HOUR + DAY
    expect(ask(store, START, START + HOUR, 100, now)).toMatchObject({ spanMs: MINUTE })
    expect(total(ask(store, START, START + HOUR, 100, now).points)).toBe(360)
    tend(store, START + 8 * DAY)
    expect(rows()).toEqual([0, 0, 1])
    const [hour] = ask(store, START, START + HOUR, 100, START + 8 * DAY).points
    expect(hour).toMatchObject({ count: 360, delays: { min: 0, median: 0.179, p99: 0.356, max: 0.359 } })
    tend(store, START + 402 * DAY)
    expect(rows()).toEqual([0, 0, 0])
  })

  it('is the same whatever step of its work a crash interrupts', () => {
    const { store: whole } = open()
    const given = Array.from({ length: 600 }, (_, index) =>
      everyTenSeconds(START, START + 12 * MINUTE, `path ${index}`),
    ).flat()
    const now = START + HOUR + 5 * MINUTE
    write(whole, given)
    tend(whole, now)
    const expected = ask(whole, START, now, 200, now, 'path 599')
    for (const steps of [1, 2, 3, 4, 5, 6, 7]) {
      const { file, store } = open()
      write(store, given)
      tend(store, now, steps)
      expect(ask(store, START, now, 200, now, 'path 599')).toEqual(expected)
      expect(total(ask(store, START, now, 5, now, 'path 3').points)).toBe(72)
      expect(total(ask(store, START - 30 * DAY, now, 100, now, 'path 3').points)).toBe(72)
      store.close()
      const again = open(file).store
      tend(again, now)
      expect(ask(again, START, now, 200, now, 'path 599')).toEqual(expected)
      expect(total(ask(again, START - 30 * DAY, now, 100, now, 'path 3').points)).toBe(72)
    }
  })

  it('takes in what comes late, once, and does not let it replace what is summed up already', () => {
    const { store } = open()
    write(store, everyTenSeconds(START, START + HOUR))
    tend(store, START + 2 * HOUR)
    write(store, [{ at: START + 5, kind: 'slow' }, { at: START }])
    tend(store, START + 2 * HOUR + 10 * MINUTE)
    expect(total(ask(store, START, START + HOUR, 2_000, START + 3 * HOUR).points)).toBe(361)
    const hours = () => ask(store, START - 30 * DAY, START + HOUR, 100, START + 3 * HOUR).points
    expect(hours()).toMatchObject([{ count: 361, gravest: 'slow' }])
    tend(store, START + 2 * DAY)
    write(store, [{ at: START + 6, kind: 'hung' }])
    tend(store, START + 2 * DAY + 10 * MINUTE)
    expect(hours()).toMatchObject([{ count: 361 }])
  })

  it('survives a clock that was wrong for a while', () => {
    const { store } = open()
    write(store, [{ at: START + 365 * DAY }, { at: START }, { at: 0 }])
    tend(store, START + HOUR)
    write(store, [{ at: START + HOUR }])
    expect(total(ask(store, START, START + 2 * HOUR, 100).points)).toBe(2)
    tend(store, START + 3 * HOUR)
    expect(total(ask(store, START, START + 2 * HOUR, 100).points)).toBe(2)
  })

  it('stays below its greatest size: the oldest checks go first, their summaries stay', () => {
    const most = 1_000_000
    const { store } = open(undefined, most)
    for (let hour = 0; hour < 12; hour += 1) {
      const from = START + hour * HOUR
      write(
        store,
        Array.from({ length: 40 }, (_, index) => everyTenSeconds(from, from + HOUR, `path ${index}`)).flat(),
      )
      tend(store, from + HOUR)
    }
    const now = START + 12 * HOUR
    expect(store.bytes()).toBeLessThanOrEqual(most)
    expect(total(ask(store, now - HOUR, now, 2_000, now, 'path 7').points)).toBe(360)
    expect(total(ask(store, START, now, 2_000, now, 'path 7').points)).toBe(12 * 360)
  })

  it('does its work in short steps', () => {
    const { store } = open()
    const given = Array.from({ length: 2_000 }, (_, index) => ({ id: `path ${index}`, at: START + index }))
    write(store, given)
    expect(store.isTendingDue(START + HOUR)).toBe(true)
    expect([...store.tend(START + HOUR + MINUTE)].length).toBeGreaterThanOrEqual(16)
    expect(store.isTendingDue(START + HOUR + MINUTE)).toBe(false)
    expect(store.isTendingDue(START + HOUR + 11 * MINUTE)).toBe(true)
  })
})

describe('the history’s file', () => {
  it.each([
    [
      'text',
      (file: string) =>
        writeFileSync(file, 'not a database at all, but long enough to be looked at'.repeat(99)),
      'check.historyBroken',
      'broken',
    ],
    [
      'another database',
      (file: string) => new DatabaseSync(file).exec('CREATE TABLE other (x)'),
      'check.historyBroken',
      'broken',
    ],
    [
      'a newer history',
      (file: string) => new DatabaseSync(file).exec('PRAGMA user_version = 99'),
      'check.historyNewer',
      'newer',
    ],
  ] as const)('sets %s aside, says so, and begins anew', (_, make, key, ending) => {
    const directory = temporaryDirectory('history')
    const file = path.join(directory, 'history.db')
    make(file)
    const { store } = open(file)
    expect(store.notice).toMatchObject({ key, params: { path: file } })
    expect(readdirSync(directory).some((name) => name.startsWith(`history.db.${ending}-`))).toBe(true)
    write(store, [{ at: START }])
    expect(total(ask(store, START, START + HOUR, 10).points)).toBe(1)
  })

  it('says what the system says where no file can be made', () => {
    const file = path.join(temporaryDirectory('history'), 'history.db')
    mkdirSync(file)
    expect(() => openHistoryStore(file)).toThrow(/unable to open/)
  })
})
