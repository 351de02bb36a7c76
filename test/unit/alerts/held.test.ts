import { describe, expect, it } from 'vitest'
import { type AlertWorld, createWorld } from '../../support/alerts/alert-world.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

type Step = (world: AlertWorld) => void
type Kind = Parameters<AlertWorld['see']>[1]

const sees = (...seen: [id: string, kind: Kind][]): Step => {
  return (world) => {
    for (const [id, kind] of seen) world.see(id, kind)
  }
}
const fails = sees(['a', 'hung'])
const isWell = sees(['a', 'ok'])
const pass = (ms: number): Step => {
  return (world) => world.pass(ms)
}
const open = (world: AlertWorld) => {
  const [incident] = world.state.open
  if (incident === undefined) throw new Error('nothing is open')
  return incident
}
const acknowledges: Step = (world) => world.acknowledge(open(world))
const snoozes = (forMs: number | null): Step => {
  return (world) => world.snooze(open(world), forMs)
}
const mutes: Step = (world) => world.muted.add('a')
const unmutes: Step = (world) => world.muted.delete('a')
const restarts: Step = (world) => world.restart()
const sets = (byMs: number): Step => {
  return (world) => world.setWallClock(byMs)
}

/** What is heard of these steps, with its time: in seconds, or else in hours. */
function collectNotices(steps: Step[]) {
  const world = createWorld()
  for (const step of steps) step(world)
  return world.heard.map(({ what, elapsedMs, incident }) => {
    const when = elapsedMs < HOUR ? `${elapsedMs / SECOND} s` : `${(elapsedMs / HOUR).toFixed(1)} h`
    return `${when} ${what} ${incident.kind}`
  })
}

const told = '1 s failed hung'

describe('acknowledge, snooze and mute', () => {
  it.each<[string, Step[], string[]]>([
    [
      'an open incident is repeated after 4 hours, then daily',
      [fails, pass(30 * HOUR)],
      [told, '4.0 h lasting hung', '28.0 h lasting hung'],
    ],
    ['an acknowledged incident is not repeated', [fails, pass(MINUTE), acknowledges, pass(9 * DAY)], [told]],
    [
      'an acknowledged incident still sends its recovery',
      [fails, pass(MINUTE), acknowledges, isWell, pass(MINUTE)],
      [told, '60 s recovered hung'],
    ],
    [
      'an incident acknowledged before its notification sends none',
      [fails, acknowledges, pass(DAY), isWell, pass(DAY)],
      [],
    ],
    [
      'an acknowledgement ends with the incident',
      [fails, pass(MINUTE), acknowledges, isWell, pass(HOUR), fails, pass(MINUTE)],
      [told, '60 s recovered hung', '1.0 h failed hung'],
    ],
    [
      'a snoozed incident is repeated at the end of the snooze, then daily',
      [fails, pass(MINUTE), snoozes(HOUR), pass(26 * HOUR)],
      [told, '1.0 h lasting hung', '25.0 h lasting hung'],
    ],
    [
      'a snoozed incident is not repeated during the snooze',
      [fails, pass(MINUTE), snoozes(DAY), pass(23 * HOUR)],
      [told],
    ],
    [
      'a cancelled snooze keeps the normal repetition',
      [fails, pass(MINUTE), snoozes(3 * DAY), pass(MINUTE), snoozes(null), pass(5 * HOUR)],
      [told, '4.0 h lasting hung'],
    ],
    [
      'an incident snoozed before its notification is notified at the end of the snooze',
      [fails, snoozes(HOUR), pass(2 * HOUR)],
      ['1.0 h failed hung'],
    ],
    ['a muted path sends no notifications', [mutes, fails, pass(9 * DAY), isWell, pass(DAY)], []],
    [
      'an incident of a muted path is notified when the path is unmuted',
      [mutes, fails, pass(HOUR), unmutes, pass(MINUTE)],
      ['1.0 h failed hung'],
    ],
    [
      'a path muted after its notification still sends its recovery',
      [fails, pass(MINUTE), mutes, isWell, pass(MINUTE)],
      [told, '60 s recovered hung'],
    ],
    [
      'a repetition that was due while a path was muted is sent when it is unmuted',
      [fails, pass(MINUTE), mutes, pass(9 * HOUR), unmutes, pass(HOUR)],
      [told, '9.0 h lasting hung'],
    ],
  ])('%s', (_, steps, wanted) => {
    expect(collectNotices(steps)).toEqual(wanted)
  })

  it.each<[string, Step[], string[]]>([
    [
      'a snooze ends on time although the wall clock is set back',
      [fails, pass(MINUTE), snoozes(HOUR), sets(-400 * DAY), pass(2 * HOUR)],
      [told, '1.0 h lasting hung'],
    ],
    [
      'a snooze survives a restart',
      [fails, pass(MINUTE), snoozes(HOUR), pass(SECOND), restarts, fails, pass(2 * HOUR)],
      [told, '1.0 h lasting hung'],
    ],
    [
      'a snooze lasts at most a week after a restart with a wrong clock',
      [fails, pass(MINUTE), snoozes(HOUR), pass(SECOND), sets(-9_000 * DAY), restarts, fails, pass(10 * DAY)],
      [told, '168.0 h lasting hung', '192.0 h lasting hung', '216.0 h lasting hung', '240.0 h lasting hung'],
    ],
    [
      'a snooze ends on time once a wrong clock is corrected',
      [
        ...[fails, pass(MINUTE), snoozes(HOUR), pass(SECOND), sets(-9_000 * DAY), restarts, fails],
        ...[pass(HOUR), sets(9_000 * DAY), pass(2 * HOUR)],
      ],
      [told, '1.0 h lasting hung'],
    ],
    [
      'an incident is notified on time although the clock is set back between two samples',
      [sees(['a', 'full']), sets(-DAY), sees(['a', 'full']), pass(MINUTE)],
      ['1 s failed full'],
    ],
    [
      'a restart does not notify of an incident before its delay has passed',
      [
        (world) => world.see('a', 'unreachable', { tellAfterMs: 5 * MINUTE }),
        ...[pass(MINUTE), restarts, pass(SECOND)],
        (world) => world.see('a', 'unreachable', { tellAfterMs: 5 * MINUTE }),
        pass(HOUR),
      ],
      ['300 s failed unreachable'],
    ],
    [
      'a restart does not repeat the notification of an old incident',
      [mutes, fails, pass(30 * HOUR), unmutes, pass(HOUR), restarts, fails, pass(2 * HOUR)],
      ['30.0 h failed hung'],
    ],
  ])('%s', (_, steps, wanted) => {
    expect(collectNotices(steps)).toEqual(wanted)
  })
})

describe('final notification of an incident', () => {
  it.each<[string, Step[], string[]]>([
    [
      'names the notified failure if a second failure ended before its notification',
      [fails, pass(MINUTE), sees(['a', 'read-only']), pass(100), isWell, pass(MINUTE)],
      [told, '60.1 s recovered hung'],
    ],
    [
      'names the notified failure if the second failure was muted, also over a restart',
      [
        ...[fails, pass(MINUTE), mutes, sees(['a', 'read-only']), pass(HOUR), restarts],
        ...[sees(['a', 'read-only']), pass(HOUR), isWell, pass(MINUTE)],
      ],
      [told, '2.0 h recovered hung'],
    ],
    [
      'names only the second failure if that was notified',
      [fails, pass(MINUTE), sees(['a', 'read-only']), pass(MINUTE), isWell, pass(MINUTE)],
      [told, '61 s failed read-only', '120 s recovered read-only'],
    ],
    [
      'reports the recovery of one path while the other fails in another way',
      [
        sees(['a', 'hung'], ['b', 'hung']),
        pass(MINUTE),
        sees(['a', 'ok'], ['b', 'read-only']),
        pass(MINUTE),
        sees(['b', 'ok']),
        pass(MINUTE),
      ],
      [told, '60 s recovered hung', '61 s failed read-only', '120 s recovered read-only'],
    ],
  ])('%s', (_, steps, wanted) => {
    expect(collectNotices(steps)).toEqual(wanted)
  })

  it('names only the recovered paths', () => {
    const world = createWorld()
    sees(['a', 'hung'], ['b', 'hung'])(world)
    world.pass(MINUTE)
    sees(['b', 'read-only'], ['a', 'ok'])(world)
    world.pass(MINUTE)
    const recovered = world.heard.find(({ what }) => what === 'recovered')
    expect(Object.keys(recovered?.incident.paths ?? {})).toEqual(['a'])
  })

  it('names all paths of a flapping series', () => {
    const world = createWorld()
    for (const id of ['a', 'a', 'b', 'a']) {
      world.see(id, 'hung')
      world.pass(10 * SECOND)
      world.see(id, 'ok')
      world.pass(10 * SECOND)
    }
    world.pass(HOUR)
    const last = world.heard.at(-1)
    expect([last?.what, Object.keys(last?.incident.paths ?? {})]).toEqual(['over', ['a', 'b']])
  })

  it('is a failure within 7 minutes for a flapping path that keeps failing over restarts', () => {
    const world = createWorld()
    for (let times = 0; times < 4; times += 1) {
      world.see('a', 'hung')
      world.pass(10 * SECOND)
      world.see('a', 'ok')
      world.pass(10 * SECOND)
    }
    const before = world.elapsedMs
    for (let restarted = 0; restarted < 5; restarted += 1) {
      world.see('a', 'hung')
      world.pass(2 * MINUTE)
      world.restart()
    }
    expect(world.heard.at(-1)?.what).toBe('failed')
    expect((world.heard.at(-1)?.elapsedMs ?? 0) - before).toBeLessThan(7 * MINUTE)
  })
})
