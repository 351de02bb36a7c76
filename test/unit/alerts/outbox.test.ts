import { describe, expect, it, test, vi } from 'vitest'
import {
  ChannelSender,
  decide,
  EXPIRES_MS,
  isFor,
  isQuietAt,
  needsStandby,
  type OutboxEntry,
  retryAfterMs,
  TAKE_OVER_MS,
} from '../../../core/alerts/channel-sender.ts'
import type { ChannelOutcome } from '../../../core/alerts/channels/channel.ts'
import { type Notice, toDeliverySubject } from '../../../core/alerts/incident.ts'
import type { IncidentKind } from '../../../core/alerts/kinds.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { createIncident, createNotice } from '../../support/alerts/notifier-config.ts'

const NOW = Date.UTC(2026, 10, 22, 12)

/** `failed a`: a waiting entry of this name about incident a. */
function entry(name: string, kind: IncidentKind = 'read-only', at = NOW): OutboxEntry {
  const [what = '', about = ''] = name.split(' ')
  const notice = createNotice(what as Notice['what'], createIncident(about, { kind }), { id: name, at })
  const { id } = notice
  const [channel, state] = ['hook', 'waiting' as const]
  return { id, notice, channel, channelName: channel, state, at, decidedAt: null, attempts: 0, reason: null }
}

/** What is decided, in short: `untold recovered a`, and `failed a` of what is sent. */
function decided(waiting: OutboxEntry[], { told = [] as string[], isQuiet = false, now = NOW } = {}) {
  const { changed, next } = decide(waiting, new Set(told), isQuiet, now)
  for (const { state, decidedAt } of changed) expect(decidedAt).toBe(state === 'waiting' ? null : now)
  return {
    changed: changed.map(({ id, state, notice }) => `${state} ${id}${of(notice, id)}`),
    next: next === null ? null : `${next.id}${of(next.notice, next.id)}`,
  }
}
const of = ({ what }: Notice, id: string) => (id.startsWith(what) ? '' : ` as ${what}`)

describe('channel sender decision', () => {
  it.each<[string, string[], string[], string[], string | null]>([
    ['an empty queue sends no notification', [], [], [], null],
    ['a failure is sent', ['failed a'], [], [], 'failed a'],
    ['the oldest notification is sent first', ['failed b', 'failed a'], [], [], 'failed b'],
    [
      'a failure and its recovery are merged into a summary',
      ['failed a', 'recovered a'],
      [],
      ['merged failed a', 'waiting recovered a as summary'],
      'recovered a as summary',
    ],
    [
      'a flapping notification and its end are merged into a summary',
      ['unstable a', 'over a'],
      [],
      ['merged unstable a', 'waiting over a as summary'],
      'over a as summary',
    ],
    ['a recovery is sent if its failure was sent', ['recovered a'], ['a'], [], 'recovered a'],
    ['the end of flapping is sent if the flapping was sent', ['over a'], ['a'], [], 'over a'],
    ['a recovery is dropped if its failure was not sent', ['recovered a'], [], ['untold recovered a'], null],
    [
      'the end of flapping is dropped if the flapping was not sent',
      ['over a'],
      ['b'],
      ['untold over a'],
      null,
    ],
    [
      'a failure is merged into its later repetition',
      ['failed a', 'lasting a'],
      [],
      ['merged failed a'],
      'lasting a',
    ],
    [
      'a repetition is merged into the recovery if the failure was sent',
      ['lasting a', 'recovered a'],
      ['a'],
      ['merged lasting a'],
      'recovered a',
    ],
    [
      'three notifications of one incident are merged into a summary',
      ['failed a', 'lasting a', 'recovered a'],
      [],
      ['merged failed a', 'merged lasting a', 'waiting recovered a as summary'],
      'recovered a as summary',
    ],
    [
      'a flapping notification and its end are merged into a new failure',
      ['unstable a', 'over a', 'failed a'],
      [],
      ['merged unstable a', 'merged over a'],
      'failed a',
    ],
    [
      'a dropped recovery does not block later notifications',
      ['recovered a', 'failed b', 'recovered b', 'failed c'],
      [],
      ['untold recovered a', 'merged failed b', 'waiting recovered b as summary'],
      'recovered b as summary',
    ],
    ['a summary that was tried before stays a summary', ['summary a'], [], [], 'summary a'],
    ['notifications of different incidents are not merged', ['failed a', 'recovered b'], [], [], 'failed a'],
  ])('%s', (_, waiting, told, changed, next) => {
    expect(
      decided(
        waiting.map((name) => entry(name)),
        { told },
      ),
    ).toEqual({ changed, next })
  })

  test('a notification older than a day expires, unless its recovery follows', () => {
    const old = entry('failed a')
    const [fresh, late] = [entry('failed b', 'read-only', NOW + 5), NOW + EXPIRES_MS]
    expect(decided([old, fresh], { now: late })).toEqual({ changed: [], next: 'failed a' })
    expect(decided([old, fresh], { now: late + 1 })).toEqual({
      changed: ['expired failed a'],
      next: 'failed b',
    })
    // What follows tells that it failed, however long ago that was to be told.
    expect(decided([old, entry('recovered a', 'read-only', late)], { now: late + 1 })).toEqual({
      changed: ['merged failed a', 'waiting recovered a as summary'],
      next: 'recovered a as summary',
    })
  })

  test('a report does not expire for a month', () => {
    const report = entry('report a', 'notice')
    const day = 24 * 3_600_000
    expect(decided([report], { now: NOW + 30 * day })).toEqual({ changed: [], next: 'report a' })
    expect(decided([report], { now: NOW + 32 * day }).changed).toEqual(['expired report a'])
    expect(decided([report], { isQuiet: true })).toEqual({ changed: [], next: null })
  })

  test('quiet hours let only critical notifications and tests through, in their order', () => {
    const [one, two] = [entry('failed a', 'unreachable'), entry('failed b', 'low-space')]
    const [three, four, trial] = [
      entry('failed c'),
      entry('failed d', 'full'),
      entry('test t', 'unreachable'),
    ]
    const quietly = (...waiting: OutboxEntry[]) => decided(waiting, { isQuiet: true }).next
    expect(quietly(one, two)).toBeNull()
    expect(quietly(one, three, two, four)).toBe('failed c')
    expect(quietly(one, four, two, three)).toBe('failed d')
    expect(quietly(one, trial, three)).toBe('test t')
    expect(decided([one, three, two, four]).next).toBe('failed a')
    // What is over by then is one message in the morning.
    const over = entry('recovered a', 'unreachable')
    expect(decided([one, over], { isQuiet: true })).toEqual({
      changed: ['merged failed a', 'waiting recovered a as summary'],
      next: null,
    })
    expect(decided([one, two], { isQuiet: true, now: NOW + EXPIRES_MS + 1 }).changed).toEqual([
      'expired failed a',
      'expired failed b',
    ])
  })
})

test.each<[string, Omit<Parameters<typeof isFor>[0], 'id'>, IncidentKind, string[], boolean]>([
  [
    'a channel for all severities accepts a warning',
    { enabled: true, severity: 'warning', sources: null },
    'unreachable',
    ['a'],
    true,
  ],
  [
    'a channel for all severities accepts a critical notification',
    { enabled: true, severity: 'warning', sources: null },
    'hung',
    ['a'],
    true,
  ],
  [
    'a disabled channel rejects a critical notification',
    { enabled: false, severity: 'warning', sources: null },
    'read-only',
    ['a'],
    false,
  ],
  [
    'a critical-only channel accepts a critical notification',
    { enabled: true, severity: 'critical', sources: null },
    'read-only',
    ['a'],
    true,
  ],
  [
    'a critical-only channel rejects a warning',
    { enabled: true, severity: 'critical', sources: null },
    'low-space',
    ['a'],
    false,
  ],
  [
    'a channel for selected sources accepts one of them',
    { enabled: true, severity: 'warning', sources: ['b', 'a'] },
    'read-only',
    ['a', 'c'],
    true,
  ],
  [
    'a channel for selected sources rejects another source',
    { enabled: true, severity: 'warning', sources: ['b'] },
    'read-only',
    ['a'],
    false,
  ],
  [
    'a channel for an empty list of sources rejects a source',
    { enabled: true, severity: 'warning', sources: [] },
    'read-only',
    ['a'],
    false,
  ],
  [
    'a channel for selected sources accepts an incident without a source',
    { enabled: true, severity: 'warning', sources: ['b'] },
    'worker',
    [],
    true,
  ],
  [
    'a critical-only channel rejects a warning about its source',
    { enabled: true, severity: 'critical', sources: ['a'] },
    'silent',
    ['a'],
    false,
  ],
])('channel filter: %s', (_, channel, kind, sources, is) => {
  expect(isFor({ id: 'c', ...channel }, createNotice('failed', createIncident('i', { kind, sources })))).toBe(
    is,
  )
})

test('channel filter: a channel that delivers nothing does not get the notice of that, others do', () => {
  const notice = createNotice(
    'failed',
    createIncident('i', { kind: 'notice', group: toDeliverySubject('a') }),
  )
  const channel = { enabled: true, severity: 'warning' as const, sources: null }
  expect(['a', 'b'].map((id) => isFor({ id, ...channel }, notice))).toEqual([false, true])
})

test.each<[string, string, Partial<OutboxEntry>, number, boolean]>([
  ['a refused failure is taken over', 'failed a', { state: 'refused' }, 0, true],
  ['an expired repetition is taken over', 'lasting a', { state: 'expired' }, 0, true],
  ['a refused summary is taken over', 'summary a', { state: 'refused' }, 0, true],
  [
    'a tried notification that waits for longer than the limit is taken over',
    'unstable a',
    { attempts: 1 },
    TAKE_OVER_MS + 1,
    true,
  ],
  [
    'a tried notification that waits for no longer than the limit is not taken over',
    'failed a',
    { attempts: 3 },
    TAKE_OVER_MS,
    false,
  ],
  ['a notification that waits for quiet hours is not taken over', 'failed a', {}, TAKE_OVER_MS * 50, false],
  [
    'a delivered notification is not taken over',
    'failed a',
    { state: 'delivered', attempts: 1 },
    TAKE_OVER_MS * 2,
    false,
  ],
  ['a merged notification is not taken over', 'failed a', { state: 'merged' }, TAKE_OVER_MS * 2, false],
  ['a refused recovery is not taken over', 'recovered a', { state: 'refused' }, 0, false],
  ['an expired end of flapping is not taken over', 'over a', { state: 'expired' }, 0, false],
  ['a refused test is not taken over', 'test a', { state: 'refused' }, 0, false],
])('standby channel: %s', (_, name, changes, afterMs, is) => {
  expect(needsStandby({ ...entry(name), ...changes }, NOW + afterMs)).toBe(is)
})

test.each<[string, string, Record<string, boolean>]>([
  ['12:00', '13:30', { '11:59': false, '12:00': true, '13:29': true, '13:30': false, '00:00': false }],
  ['22:00', '07:00', { '21:59': false, '22:00': true, '23:59': true, '00:00': true, '06:59': true }],
  ['22:00', '07:00', { '07:00': false, '12:00': false }],
  ['00:00', '06:05', { '00:00': true, '06:04': true, '06:05': false, '23:59': false }],
  ['08:00', '08:00', { '08:00': true, '07:59': true, '20:00': true }],
])('quiet hours: the range %s to %s applies as in %j', (from, to, clocks) => {
  for (const [clock, is] of Object.entries(clocks)) {
    const [hours = 0, minutes = 0] = clock.split(':').map(Number)
    const at = new Date(2026, 10, 22, hours, minutes, 59)
    expect({ clock, is: isQuietAt({ from, to }, at) }).toEqual({ clock, is })
    expect(isQuietAt(null, at)).toBe(false)
  }
})

test('channel sender: retry pauses grow from 5 seconds to a minute', () => {
  const pauses = [0, 1, 2, 3, 4, 5, 6, 100, 2_000].map(retryAfterMs)
  expect(pauses).toEqual([5_000, 5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000, 60_000])
})

describe('channel sender', () => {
  /** One whose disk takes as long as the test wants. */
  function sender(outcome: ChannelOutcome = { did: 'delivered', note: null }) {
    const [sent, saved, needs]: [string[], string[][], string[]] = [[], [], []]
    const disk = { wait: Promise.resolve() }
    const one = new ChannelSender({
      id: 'hook',
      name: () => 'Hook',
      send: async (entry) => {
        sent.push(`${entry.notice.what} ${entry.notice.about}`)
        return outcome
      },
      isQuiet: () => false,
      save: (entries) => {
        saved.push(entries.map(({ state, notice }) => `${state} ${notice.what} ${notice.about}`))
        return disk.wait
      },
      changed: () => undefined,
      noted: () => undefined,
      onUndelivered: ({ notice }) => needs.push(`${notice.what} ${notice.about}`),
    })
    const tell = (name: string) => {
      const { notice } = entry(name, 'read-only', Date.now())
      const made = one.createEntry(notice)
      if (made !== null) one.add(made)
      return made !== null
    }
    return { one, sent, saved, needs, disk, tell }
  }

  test('sends a failure that arrives while another entry is being saved', async () => {
    const { one, sent, saved, disk, tell } = sender()
    const hung = Promise.withResolvers<void>()
    disk.wait = hung.promise
    one.resume({ waiting: [], told: [], seen: [], health: null })
    tell('recovered a')
    await vi.waitFor(() => expect(saved).toEqual([['untold recovered a']]))
    tell('failed b')
    // Its turn comes while the disk still has the other.
    await new Promise((resolve) => setTimeout(resolve, 0))
    hung.resolve()
    await vi.waitFor(() => expect(sent).toEqual(['failed b']))
    one.stop()
  })

  test.each(['tryNow', 'reset'] as const)('%s repeats a failed attempt at once', async (call) => {
    const { one, sent, tell } = sender({
      did: 'retry',
      reason: message('channel.invalid'),
      afterMs: 3_600_000,
    })
    one.resume({ waiting: [], told: [], seen: [], health: null })
    tell('failed a')
    await vi.waitFor(() => expect(one.state([]).condition).toBe('retrying'))
    one[call]()
    await vi.waitFor(() => expect(sent).toEqual(['failed a', 'failed a']))
    one.stop()
  })

  test('saves the merge of a failure and its recovery in one write', async () => {
    const { one, sent, saved, tell } = sender()
    tell('failed a')
    tell('recovered a')
    expect(sent).toEqual([])
    one.resume({ waiting: [], told: [], seen: [], health: null })
    await vi.waitFor(() => expect(sent).toEqual(['summary a']))
    expect(saved[0]).toEqual(['merged failed a', 'waiting summary a'])
    one.stop()
  })

  test('holds a recovery until the earlier run is loaded, and sends it if that run sent the failure', async () => {
    const { one, sent, saved, tell } = sender()
    tell('recovered a')
    tell('recovered b')
    tell('recovered c')
    tell('failed d')
    await vi.waitFor(() => expect(sent).toEqual(['failed d']))
    expect(saved).toEqual([['delivered failed d']])
    one.resume({ waiting: [entry('failed a', 'read-only', Date.now())], told: ['b'], seen: [], health: null })
    await vi.waitFor(() => expect(one.state([]).waiting).toBe(0))
    expect(sent).toEqual(['failed d', 'summary a', 'recovered b'])
    expect(saved.flat()).toContain('untold recovered c')
    one.stop()
  })

  test('keeps the time of the first failure until a delivery, over a restart and over kinds of failures', async () => {
    const { one } = sender()
    const health = { id: 'hook', condition: 'retrying' as const, at: 5, sentence: null }
    one.resume({ waiting: [], told: [], seen: [], health })
    const since = async (outcome: ChannelOutcome) => {
      await one.recordOutcome(Promise.resolve(outcome))
      return one.state([]).failingSince
    }
    const reason = message('channel.invalid')
    expect(await since({ did: 'retry', reason, afterMs: null })).toBe(5)
    expect(await since({ did: 'refused', reason })).toBe(5)
    expect(await since({ did: 'delivered', note: null })).toBeNull()
    expect(await since({ did: 'refused', reason })).toBe(one.state([]).at)
    one.stop()
  })

  test('keeps at most 1,000 notifications, and reports the oldest as undelivered', async () => {
    const { one, sent, needs, tell } = sender({
      did: 'refused',
      reason: entry('failed x').notice.incident.sentence,
    })
    for (let number = 0; number < 1_003; number += 1) tell(`failed ${number}`)
    expect(one.state([]).waiting).toBe(1_000)
    expect(needs).toEqual(['failed 0', 'failed 1', 'failed 2'])
    expect(tell('failed 1002')).toBe(false)
    expect(sent).toEqual([])
    one.stop()
  })
})
