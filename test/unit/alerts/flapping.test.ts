import { describe, expect, it } from 'vitest'
import { type AlertState, noAlerts, type Sample } from '../../../core/alerts/incident.ts'
import { announce, forget, observe, repeatInMs, tellAgainAtMs } from '../../../core/alerts/policy.ts'
import { clocksAt, createSample } from '../../support/alerts/alert-samples.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** What a path is from a time on, in seconds. */
type Course = readonly (readonly [fromSeconds: number, kind: Sample['kind']])[]

/** Checked each second and told what is due whenever something is, until `seconds`. */
function told(course: Course, seconds: number, from: AlertState = noAlerts) {
  let state = from
  const heard: string[] = []
  for (let second = course[0]?.[0] ?? 0; second <= seconds; second += 1) {
    const kind = course.findLast(([since]) => since <= second)?.[1] ?? 'ok'
    const at = second * SECOND
    state = observe(state, createSample(at, kind))
    const due = tellAgainAtMs(state, clocksAt(at))
    if (due === null || due > at) continue
    const next = announce(state, clocksAt(at))
    state = next.state
    heard.push(...next.announcements.map(({ what }) => `${second} ${what}`))
  }
  return { heard, state }
}

/** Failing and well by turns, `each` seconds long, so many times; well at the end. */
function turns(
  times: number,
  each = 10,
  kind: Sample['kind'] = 'hung',
  from = 0,
): [number, Sample['kind']][] {
  return Array.from({ length: times }, (_, index) => [
    [from + 2 * index * each, kind] as [number, Sample['kind']],
    [from + (2 * index + 1) * each, 'ok'] as [number, Sample['kind']],
  ]).flat()
}

const thrice = ['1 failed', '10 recovered', '21 failed', '30 recovered', '41 unstable']
const quiet = 15 * 60

describe('flapping', () => {
  it.each([
    ['a path that fails once is notified as failed and recovered', turns(1), quiet * 2, thrice.slice(0, 2)],
    ['a path that fails twice is notified each time', turns(2), quiet * 2, thrice.slice(0, 4)],
    [
      'the third failure is notified as unstable, and the end after 15 quiet minutes',
      turns(3),
      50 + quiet,
      [...thrice, `${50 + quiet} over`],
    ],
    ['two hours of flapping are notified as unstable once', turns(360), 7_200, thrice],
    [
      'the end of two hours of flapping is notified after 15 quiet minutes',
      turns(360),
      9_000,
      [...thrice, `${7_190 + quiet} over`],
    ],
    [
      'a failure that lasts after flapping is notified as failed',
      [...turns(3), [60, 'hung']],
      2_000,
      [...thrice, '361 failed'],
    ],
    [
      'a lasting failure after flapping recovers at once, without a second end',
      [...turns(3), [60, 'hung'], [1_000, 'ok']],
      4_000,
      [...thrice, '361 failed', '1000 recovered'],
    ],
    [
      'a failure after 15 quiet minutes starts a new series',
      [...turns(1), ...turns(1, 10, 'hung', 10 + quiet + 1)],
      quiet * 3,
      ['1 failed', '10 recovered', `${quiet + 12} failed`, `${quiet + 21} recovered`],
    ],
    [
      'a failure too short for a notification still extends the series',
      [...turns(3), [600, 'hung'], [601, 'ok']],
      601 + quiet,
      [...thrice, `${601 + quiet} over`],
    ],
    [
      'a failure of another kind during the quiet minutes replaces the end of the series',
      [...turns(3), [50 + quiet - 10, 'read-only']],
      quiet * 2,
      [...thrice, `${50 + quiet - 9} failed`],
    ],
  ] as [string, Course, number, string[]][])('%s', (_, course, seconds, wanted) => {
    expect(told(course, seconds).heard).toEqual(wanted)
  })

  it('repeated failures of six minutes send fewer than 12 notifications a day', () => {
    // Six minutes of failure after each ten seconds of health, for a day.
    const course = Array.from({ length: 233 }, (_, index) => [
      [index * 370, 'hung'] as const,
      [index * 370 + 360, 'ok'] as const,
    ]).flat()
    const { heard } = told(course, 24 * 3_600 - 500)
    expect(heard.length).toBeLessThan(12)
    // What is heard last is not that it is well.
    expect(heard.at(-1)).toMatch(/unstable$/)
  })

  it('a failure of another kind starts a separate series', () => {
    const other = turns(1, 10, 'read-only', 60)
    expect(told([...turns(2), ...other], 100).heard.slice(4)).toEqual(['61 failed', '70 recovered'])
  })

  it('a failure that may be the path’s own counts for each path, any other for its disk', () => {
    const troubles = (isOwn: boolean) => {
      let state = noAlerts
      const see = (id: string, kind: Sample['kind'], at: number) => {
        state = observe(state, createSample(at, kind, { id, isOwn }))
      }
      for (const [index, id] of ['a', 'b', 'c'].entries()) {
        for (const at of [0, 1]) see(id, 'missing', index * MINUTE + at)
        state = announce(state, clocksAt(index * MINUTE + 2 * SECOND)).state
        see(id, 'ok', index * MINUTE + 3 * SECOND)
      }
      return state.troubles.map(({ times }) => times)
    }
    expect(troubles(true)).toEqual([1, 1, 1])
    expect(troubles(false)).toEqual([3])
  })

  it('a path that fails for the first time beside a flapping one is notified', () => {
    let state = noAlerts
    let at = 0
    const heard: string[] = []
    const second = (...failing: string[]) => {
      at += SECOND
      for (const id of ['a', 'b']) {
        const kind = failing.includes(id) ? 'missing' : 'ok'
        state = observe(state, createSample(at, kind, { id, isOwn: true }))
      }
      const next = announce(state, clocksAt(at))
      state = next.state
      heard.push(...next.announcements.map(({ what, incident }) => `${what} ${Object.keys(incident.paths)}`))
    }
    for (let count = 0; count < 4; count += 1) for (const failing of ['a', 'a', 'a', 'a', '']) second(failing)
    expect(heard.at(-1)).toBe('unstable a')
    for (let count = 0; count < 4; count += 1) second('a', 'b')
    expect(heard.at(-1)).toBe('failed a,b')
    for (const failing of ['', 'a', 'a', 'a', 'a']) second(failing, 'b')
    for (let count = 0; count < 3; count += 1) second()
    expect(heard.filter((one) => one.startsWith('recovered') && one.includes('b'))).toEqual(['recovered a,b'])
  })

  it('the end of a series states its whole duration and count', () => {
    const { state } = told(turns(4), 80)
    const { announcements } = announce(state, clocksAt((70 + quiet) * SECOND))
    expect(announcements).toMatchObject([
      { what: 'over', incident: { startedAt: 0, endedAt: 70_000 }, series: { times: 4 } },
    ])
  })

  it('a path that is no longer checked has no series and no pending notification', () => {
    const { state } = told(turns(3), 60)
    const without = forget(state, 'a', clocksAt(60_000))
    expect(without.troubles).toEqual([])
    expect(tellAgainAtMs(without, clocksAt(60_000))).toBeNull()
  })
})

describe('lasting incident', () => {
  it('is repeated after four hours, then daily', () => {
    const { heard, state } = told([[0, 'hung']], (4 * HOUR) / SECOND + 10)
    expect(heard).toEqual(['1 failed', '14401 lasting'])
    const next = 28 * HOUR + SECOND
    expect(tellAgainAtMs(state, clocksAt(5 * HOUR))).toBe(next)
    const later = announce(state, clocksAt(next))
    expect(later.announcements.map(({ what }) => what)).toEqual(['lasting'])
    expect(tellAgainAtMs(later.state, clocksAt(next))).toBe(next + 24 * HOUR)
  })

  it.each([
    [HOUR, 0, 3 * HOUR],
    [5 * HOUR, 1, 19 * HOUR],
    // While it was not running some were left out: they are made up for by one.
    [5 * HOUR, 0, 0],
    [100 * HOUR, 1, 0],
    // The clock was set back.
    [-HOUR, 0, 4 * HOUR],
    [-1e12, 7, 24 * HOUR],
  ])('last notified %i ms ago and repeated %i times, is repeated in %i ms', (toldForMs, repeats, wanted) => {
    expect(repeatInMs(toldForMs, repeats)).toBe(wanted)
  })
})
