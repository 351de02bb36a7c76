import { describe, expect, it } from 'vitest'
import { type AlertState, COLLECT_MS, noAlerts, type Sample } from '../../../core/alerts/incident.ts'
import { announce, forget, observe } from '../../../core/alerts/policy.ts'
import { type Message, message, type WordKey } from '../../../core/lib/i18n/message.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { clocksAt, createSample } from '../../support/alerts/alert-samples.ts'

const sample = (at: number, kind: Sample['kind'], id = 'a', group = '/mnt', isOwn = false) =>
  createSample(at, kind, { id, group, isOwn })

/** A failure that may be the path's own. */
function own(at: number, kind: Sample['kind'], id: string): Sample {
  return sample(at, kind, id, '/mnt', true)
}

function run(samples: Sample[], from: AlertState = noAlerts): AlertState {
  return samples.reduce(observe, from)
}

function told(state: AlertState, now: number): string[] {
  return announce(state, clocksAt(now)).announcements.map(
    ({ what, incident }) => `${what} ${incident.kind} ${Object.values(incident.paths).join(' ')}`,
  )
}

describe('incidents', () => {
  it('read-only and hung paths are notified after one sample, full ones after two', () => {
    expect(told(run([sample(0, 'read-only')]), COLLECT_MS)).toEqual(['failed read-only /mnt/a'])
    expect(told(run([sample(0, 'hung')]), COLLECT_MS)).toEqual(['failed hung /mnt/a'])
    expect(told(run([sample(0, 'full')]), COLLECT_MS)).toEqual([])
    expect(told(run([sample(0, 'full'), sample(10, 'full')]), 10 + COLLECT_MS)).toEqual([
      'failed full /mnt/a',
    ])
  })

  it('failing paths of one mount are collected and notified together', () => {
    const state = run([
      sample(0, 'read-only', 'a'),
      sample(5, 'read-only', 'b'),
      sample(6, 'hung', 'c', '/other'),
    ])
    expect(told(state, COLLECT_MS - 1)).toEqual([])
    expect(told(state, COLLECT_MS + 6)).toEqual(['failed read-only /mnt/a /mnt/b', 'failed hung /other/c'])
  })

  it('a failure is notified once, and its recovery with the duration', () => {
    const first = announce(run([sample(1000, 'read-only')]), clocksAt(1000 + COLLECT_MS)).state
    const lasting = run([sample(5000, 'read-only'), sample(9000, 'read-only')], first)
    expect(told(lasting, 20_000)).toEqual([])
    const over = run([sample(12_000, 'ok')], lasting)
    const { announcements } = announce(over, clocksAt(12_000))
    expect(announcements.map(({ what }) => what)).toEqual(['recovered'])
    expect(announcements[0]?.incident).toMatchObject({ startedAt: 1000, endedAt: 12_000 })
    expect(told(announce(over, clocksAt(12_000)).state, 13_000)).toEqual([])
  })

  it('a recovery is not notified if its failure was not', () => {
    expect(told(run([sample(0, 'read-only'), sample(100, 'ok')]), 60_000)).toEqual([])
    expect(told(run([sample(0, 'full'), sample(100, 'ok')]), 60_000)).toEqual([])
  })

  it('an incident ends only when the last path of the mount is ok', () => {
    const failed = announce(run([sample(0, 'hung', 'a'), sample(1, 'hung', 'b')]), clocksAt(5000)).state
    const half = run([sample(6000, 'ok', 'a')], failed)
    expect(half.open).toHaveLength(1)
    expect(told(half, 7000)).toEqual([])
    expect(told(run([sample(8000, 'ok', 'b')], half), 8000)).toEqual(['recovered hung /mnt/a /mnt/b'])
  })

  it('a later failure that may be the path’s own is notified, and its recovery separately', () => {
    const both = run([0, 1].flatMap((at) => [own(at, 'missing', 'a'), own(at, 'missing', 'b')]))
    expect(told(both, 5000)).toEqual(['failed missing /mnt/a /mnt/b'])
    const later = run(
      [own(6000, 'missing', 'c'), own(6001, 'missing', 'c')],
      announce(both, clocksAt(5000)).state,
    )
    expect(told(later, 8000)).toEqual(['failed missing /mnt/c'])
    const known = run(
      ['a', 'b', 'c'].map((id) => own(9000, 'missing', id)),
      announce(later, clocksAt(8000)).state,
    )
    expect(known.open).toHaveLength(2)
    expect(told(run([sample(9500, 'ok', 'c')], known), 9500)).toEqual(['recovered missing /mnt/c'])
  })

  it('an incident shows the sentence of a path that still fails', () => {
    const failed = run([sample(0, 'hung', 'a'), sample(1, 'hung', 'b')])
    expect(failed.open[0]?.sentence.params).toEqual({ reason: 'a hung' })
    for (const left of [run([sample(2, 'ok', 'a')], failed), forget(failed, 'a', clocksAt(2))]) {
      expect(left.open[0]?.sentence.params).toEqual({ reason: 'b hung' })
    }
  })

  it('a path can change from one failure to another without a recovery', () => {
    const hung = announce(run([sample(0, 'hung')]), clocksAt(5000)).state
    const changed = run([sample(6000, 'read-only')], hung)
    expect(changed.past.map(({ kind }) => kind)).toEqual(['hung'])
    expect(told(changed, 6000 + COLLECT_MS)).toEqual(['failed read-only /mnt/a'])
  })

  it('a missing path needs two samples in a row', () => {
    const state = run([sample(0, 'missing'), sample(1, 'ok'), sample(2, 'missing')])
    expect(state.open).toEqual([])
  })

  it('failures of alternating kinds count together, and the incident keeps its kind', () => {
    const kinds = ['io-error', 'missing', 'io-error', 'missing', 'io-error'] as const
    const states = kinds.map((_, index) => run(kinds.slice(0, index + 1).map((kind, at) => sample(at, kind))))
    const open = (state: AlertState | undefined) =>
      state?.open.map(({ kind, startedAt }) => [kind, startedAt])
    expect(open(states[0])).toEqual([])
    for (const state of states.slice(1)) {
      expect(open(state)).toEqual([['missing', 0]])
      expect(state.past).toEqual([])
    }
    // Twice in a row is another failure.
    expect(open(run([sample(9, 'io-error')], states.at(-1)))).toEqual([['io-error', 4]])
  })

  it('a slow path causes no incident', () => {
    expect(run([sample(0, 'slow'), sample(1, 'slow'), sample(2, 'slow')]).open).toEqual([])
  })

  it('an incident of a path that is no longer checked ends without a notification', () => {
    const failed = announce(run([sample(0, 'hung')]), clocksAt(5000)).state
    const forgotten = forget(failed, 'a', clocksAt(6000))
    expect(forgotten.open).toEqual([])
    expect(told(forgotten, 7000)).toEqual([])
  })

  it('an incident of a missing file whose rule is removed ends with the name of the file', () => {
    const lacks = (key: WordKey, count: number, more = {}) =>
      message(key, { name: 'src', file: 'a331u.26o', files: 'a331u.26o', count, ...more })
    const end = (sentence: Message) => {
      const failed = run([createSample(0, 'expected', { sentence })])
      const [past] = forget(failed, 'a', clocksAt(1)).past
      return past?.end && englishWords(past.end)
    }
    expect(end(lacks('condition.lacks', 1))).toBe(
      'a331u.26o had not come to src when the rule for it was changed or removed.',
    )
    expect(end(lacks('condition.lacks', 3))).toMatch(/^3 files had not come to src when .* a331u\.26o\.$/)
    const any = lacks('condition.lacksAny', 3, { file: '', pattern: '*.26o' })
    expect(end(any)).toMatch(/^No file that matches \*\.26o had come to src when /)
    // Incidents that an earlier version stored.
    expect(end(lacks('condition.expectedAny', 3, { file: '*.26o' }))).toMatch(
      /^No file that matches \*\.26o /,
    )
    expect(end(lacks('condition.expectedSmall', 1, { size: 150 }))).toMatch(
      /^a331u\.26o was too small in src when .*: it had 150 B\.$/,
    )
  })

  it('an ended incident has an outcome only if the sample that ended it had one', () => {
    const failed = run([sample(0, 'deleted')])
    expect(forget(failed, 'a', clocksAt(1)).past[0]).not.toHaveProperty('outcome')
    expect(run([sample(1, 'ok')], failed).past[0]).not.toHaveProperty('outcome')
    const returned = run([createSample(1, 'ok', { outcome: 'returned' })], failed)
    expect(returned.past[0]).toMatchObject({ outcome: 'returned' })
  })

  it('past incidents are limited to 100', () => {
    const samples = Array.from({ length: 500 }, (_, index) => sample(index, index % 2 === 0 ? 'hung' : 'ok'))
    expect(run(samples).past).toHaveLength(100)
  })
})
