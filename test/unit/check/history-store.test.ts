import { statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { verdictKinds } from '../../../core/check/checker-messages.ts'
import {
  ask,
  DAY,
  everyTenSeconds,
  HOUR,
  MINUTE,
  open,
  rowsIn,
  START,
  sumUp,
  total,
  write,
} from '../../support/check/history.ts'
import { chooseLength } from '../../support/long.ts'

describe('check history store', () => {
  it('returns each check as it was written, also after a restart', () => {
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
    store.close()
    expect(ask(open(file).store, START, START + HOUR, 100)).toEqual(expected)
  })

  it('the day has the gravest verdict of each hour by path, also of summaries and late checks', () => {
    const { store } = open()
    const hour = Math.floor(START / HOUR) * HOUR
    write(store, [
      { at: hour },
      { at: hour + MINUTE, kind: 'read-only' },
      { at: hour + 2 * MINUTE, kind: 'slow' },
      { id: 'b', at: hour + 2 * HOUR },
    ])
    const day = store.readDay(hour + 2 * HOUR)
    expect(day.a?.slice(-3)).toEqual(['read-only', null, null])
    expect(day.b).toEqual([...Array(23).fill(null), 'ok'])
    write(store, [{ at: hour + 2 * HOUR + MINUTE, kind: 'hung' }])
    expect(store.readDay(hour + 2 * HOUR + 2 * MINUTE).a?.slice(-1)).toEqual(['hung'])
    sumUp(store, hour + 2 * DAY)
    const { a } = store.readDay(hour + 23 * HOUR)
    expect([a?.length, a?.[0], a?.[2]]).toEqual([24, 'read-only', 'hung'])
    expect(store.readDay(hour + 30 * HOUR)).toEqual({})
  })

  it('keeps every verdict and delay, of single checks and in summaries', () => {
    const { store } = open()
    const delays = [null, 0, 0.001, 0.2, 12.345, 3_600_000]
    const given = verdictKinds.flatMap((kind) => delays.map((delayMs) => ({ kind, delayMs })))
    write(
      store,
      given.map((one, index) => ({ at: START + index * MINUTE, ...one })),
    )
    const kept = () =>
      ask(store, START, START + HOUR, 60).points.map(({ gravest, delays }) => ({
        kind: gravest,
        delayMs: delays?.median ?? null,
        ...(delays !== null && { min: delays.min, p99: delays.p99, max: delays.max }),
      }))
    const expected = given.map(({ kind, delayMs }) => ({
      kind,
      delayMs,
      ...(delayMs !== null && { min: delayMs, p99: delayMs, max: delayMs }),
    }))
    expect(kept()).toEqual(expected)
    sumUp(store, START + 2 * DAY)
    expect(ask(store, START, START + HOUR, 2_000).spanMs).toBe(MINUTE)
    const minutes = ask(store, START, START + HOUR, 2_000).points
    expect(minutes.map(({ gravest, delays }) => [gravest, delays?.median ?? null])).toEqual(
      given.map(({ kind, delayMs }) => [kind, delayMs]),
    )
    sumUp(store, START + 9 * DAY)
    expect(ask(store, START, START + HOUR, 2_000)).toMatchObject({
      spanMs: HOUR,
      points: [{ count: 60, gravest: 'error', delays: { min: 0, max: 3_600_000 } }],
    })
  })

  it('returns at most the requested number of points, and counts every check in them', () => {
    const { store } = open()
    const to = START + 2 * HOUR + 7 * MINUTE
    write(store, everyTenSeconds(START, to))
    for (const most of [1, 2, 10, 100, 361, 762, 2_000]) {
      const { points, spanMs } = ask(store, START, to, most)
      expect(points.length).toBeLessThanOrEqual(most)
      expect(total(points)).toBe(762)
      expect(points.every(({ at }, index) => index === 0 || at > (points[index - 1]?.at ?? at))).toBe(true)
      if (most >= 762) expect(spanMs).toBe(0)
      expect(points.at(-1)?.delays?.max).toBe(0.761)
    }
    expect(ask(store, START + 5, START + 5, 10).points).toEqual([])
    expect(ask(store, START, to, 10, 'unknown').points).toEqual([])
    expect(total(ask(store, -1e300, 1e300, 10).points)).toBe(762)
  })

  it('returns the same counts and extremes for whole hours at every level of summary', () => {
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
    for (const now of [to + DAY, to + 2 * DAY, to + 7 * DAY, to + 9 * DAY]) {
      sumUp(store, now)
      expect(facts()).toEqual(before)
    }
    const month = ask(store, to - 30 * DAY, to, 360)
    expect(month.spanMs).toBeGreaterThanOrEqual(HOUR)
    expect(total(month.points)).toBe(3.5 * 360)
    expect(month.points[0]?.delays).toMatchObject({ min: 0 })
  })

  it('keeps single checks for a day, minutes for a week and hours for 400 days', () => {
    const { file, store } = open()
    write(store, everyTenSeconds(START, START + HOUR))
    sumUp(store, START + DAY)
    expect(rowsIn(file)).toEqual([360, 0, 0])
    sumUp(store, START + DAY + HOUR)
    expect(rowsIn(file)).toEqual([0, 60, 0])
    expect(ask(store, START, START + HOUR, 100)).toMatchObject({ spanMs: MINUTE })
    expect(total(ask(store, START, START + HOUR, 100).points)).toBe(360)
    sumUp(store, START + 7 * DAY)
    expect(rowsIn(file)).toEqual([0, 60, 0])
    sumUp(store, START + 7 * DAY + HOUR)
    expect(rowsIn(file)).toEqual([0, 0, 1])
    const [hour] = ask(store, START, START + HOUR, 100).points
    expect(hour).toMatchObject({ count: 360, delays: { min: 0, max: 0.359 }, kinds: { ok: 360 } })
    sumUp(store, START + 400 * DAY)
    expect(rowsIn(file)).toEqual([0, 0, 1])
    sumUp(store, START + 400 * DAY + HOUR)
    expect(rowsIn(file)).toEqual([0, 0, 0])
  })

  it('keeps the median and the 99th percentile of summaries within 10 %', () => {
    const { store } = open()
    // Three to four powers of ten, as disks have them.
    const given = everyTenSeconds(START, START + 3 * HOUR).map((one, index) => ({
      ...one,
      delayMs: Math.round(10 ** (2 + ((index * 619) % 1080) / 300)) / 1_000,
    }))
    write(store, given)
    const delays = () => ask(store, START, START + 3 * HOUR, 1).points[0]?.delays
    const exact = delays()
    sumUp(store, START + 2 * DAY)
    const minutes = delays()
    sumUp(store, START + 9 * DAY)
    for (const { min, median, p99, max } of [minutes, delays()].map((one) => one ?? expect.fail())) {
      expect([min, max]).toEqual([exact?.min, exact?.max])
      expect(Math.abs(median / (exact?.median ?? 0) - 1)).toBeLessThan(0.1)
      expect(Math.abs(p99 / (exact?.p99 ?? 0) - 1)).toBeLessThan(0.1)
    }
  })

  it('summarises a minute or an hour with each write, and counts every check once meanwhile', () => {
    const { file, store } = open()
    const to = START + HOUR + 5 * MINUTE
    write(store, everyTenSeconds(START, to))
    for (const now of [to + DAY, to + 8 * DAY]) {
      for (let step = 1; step <= 70; step += 1) {
        store.write([], now)
        expect(total(ask(store, START, to, 7).points)).toBe(390)
        if (now === to + DAY) expect(rowsIn(file)[0]).toBe(Math.max(0, 390 - 6 * step))
      }
    }
    expect(rowsIn(file)).toEqual([0, 0, 2])
  })

  it('accepts late checks, and adds them to existing summaries', () => {
    const { store } = open()
    write(store, everyTenSeconds(START, START + HOUR))
    const count = () => total(ask(store, START, START + HOUR, 2_000).points)
    write(store, [{ at: START + 5, kind: 'slow' }, { at: START }], START + HOUR)
    expect(count()).toBe(361)
    for (const [days, kind] of [
      [2, 'full'],
      [9, 'hung'],
    ] as const) {
      sumUp(store, START + days * DAY)
      const late = [{ at: START + 6 }, { at: START + 7, kind, delayMs: null }]
      write(store, [...late, { at: START + 8, delayMs: 1 + days / 1_000 }], START + days * DAY)
      sumUp(store, START + days * DAY)
    }
    expect(ask(store, START, START + HOUR, 100).points).toMatchObject([
      { count: 367, gravest: 'hung', kinds: { slow: 1, full: 1, hung: 1 }, delays: { max: 1.009 } },
    ])
  })

  it('keeps correctly dated checks although the clock was wrong for a while', () => {
    const { store } = open()
    write(store, [{ at: START + 365 * DAY }, { at: START }, { at: 0 }], START + HOUR)
    sumUp(store, START + HOUR)
    write(store, [{ at: START + HOUR }])
    expect(total(ask(store, START, START + 2 * HOUR, 100).points)).toBe(2)
    sumUp(store, START + 3 * HOUR)
    expect(total(ask(store, START, START + 2 * HOUR, 100).points)).toBe(2)
    expect(ask(store, 0, HOUR, 100).points).toEqual([])
  })

  it('stays within its size limit: summarises the oldest checks and keeps those of the last hour', () => {
    const most = 1_000_000
    const { file, store } = open(undefined, most)
    const to = START + 6 * HOUR
    for (let at = START; at < to; at += 10_000) {
      write(
        store,
        Array.from({ length: 40 }, (_, index) => ({ id: `path ${index}`, at, delayMs: (at % 7) + 1 })),
      )
    }
    // Without a bound it would be nearly twice as large.
    expect(statSync(file).size).toBeLessThanOrEqual(most * 1.05)
    expect(total(ask(store, to - HOUR, to, 2_000, 'path 7').points)).toBe(360)
    expect(ask(store, to - HOUR, to, 2_000, 'path 7').spanMs).toBe(0)
    expect(total(ask(store, START, to, 2_000, 'path 7').points)).toBe(6 * 360)
  })

  it('keeps a week of many paths in few bytes a check, and reads it as at most as many points as are asked for', () => {
    const { file, store } = open()
    const ids = Array.from({ length: chooseLength(100, 1_000) }, (_, index) => `path ${index}`)
    const to = START + 7 * DAY
    for (let at = START; at < to; at += HOUR / 2) {
      const tick = ids.map((id, index) => ({ id, at: at + index, delayMs: 1 + ((at + index * 7) % 97) / 10 }))
      write(store, tick)
    }
    const read = (most: number) => ask(store, START, to, most, 'path 50').points
    expect(total(read(400))).toBe(336)
    expect([total(read(100)), read(100).length <= 100]).toEqual([336, true])
    expect(statSync(file).size / (336 * ids.length)).toBeLessThan(64)
  })
})
