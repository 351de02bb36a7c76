// @module-tag timeless
import { describe, expect, test } from 'vitest'
import { World } from '../../support/scan/world.ts'

type Event = (world: World) => void

/** Everything that may happen to a batch directory while its steps are carried out. */
const events: Record<string, Event> = {
  'a new file': (world) => world.write('late'),
  'the close of a file': (world) => world.close('open'),
  'finished.parse': (world) => world.finishParse(),
  'a last file and finished.parse': (world) => {
    world.write('last')
    world.finishParse()
  },
  'a newer directory': (world) => world.newerAppears(),
  'the transfer of all files': (world) => world.sendAll(),
  'a lost event': (world) => world.loseEvent('unseen'),
  'an outdated look from before finished.parse': (world) => {
    void world.directory.look({ closed: false, newest: world.newest })
  },
  'the removal of the directory': (world) => world.vanish(),
}

/** A directory with a finished file and one that is being written. */
async function run(prepare: Event, delay = 0): Promise<World> {
  const world = new World(delay)
  world.files.set('before', 'new')
  world.files.set('open', 'open')
  prepare(world)
  await world.run()
  return world
}

/**
 * What must hold after any run: never marked too early, and, once the producer has closed its files and nothing
 * moves, everything sent; marked exactly once if the directory is closed or not the newest, else not at all.
 */
async function verdict(world: World): Promise<unknown> {
  if (!world.vanished && world.files.get('open') === 'open') {
    const { marks } = world
    if (marks > 0) world.violations.push('marked with an open file')
    world.close('open')
    await world.run()
  }
  const { violations, marks } = world
  const unsent = [...world.files].filter(([, state]) => state !== 'sent')
  const over = world.closed || !world.newest
  const wanted = world.vanished ? marks : over ? 1 : 0
  return {
    violations,
    unsent: world.vanished ? [] : unsent,
    marks: marks === wanted ? 'as it must be' : marks,
  }
}

const WELL = { violations: [], unsent: [], marks: 'as it must be' }

/** An event at every moment that a run has, until it comes too late to be reached. */
async function everywhere(from: number, judge: (moment: number) => Promise<World>): Promise<number> {
  for (let moment = from; ; moment += 1) {
    const world = await judge(moment)
    if (world.moments <= moment) return moment
  }
}

test('batch marking: a run covers the effects list, mark and standing', async () => {
  const world = await run((world) => world.at(2, () => world.finishParse()))
  world.close('open')
  await world.run()
  expect([...world.effects].sort()).toEqual(['list', 'mark', 'standing'])
})

describe('batch marking with one event at every moment of a run', () => {
  test.each(Object.entries(events))(
    '%s: every file is sent and the mark is correct',
    async (_name, event) => {
      const reached = await everywhere(0, async (moment) => {
        const world = await run((world) => world.at(moment, () => event(world)))
        expect({ moment, ...((await verdict(world)) as object) }).toEqual({ moment, ...WELL })
        return world
      })
      expect(reached).toBeGreaterThan(3)
    },
  )
})

describe.each([0, 1, 6])(
  'batch marking with two events at every pair of moments, reported %i moments late',
  (delay) => {
    const pairs = Object.entries(events).flatMap(([one, first]) =>
      Object.entries(events).map(([other, second]) => ({ one, other, first, second })),
    )
    test.each(pairs)(
      '$one, then $other: every file is sent and the mark is correct',
      async ({ first, second }) => {
        await everywhere(0, async (early) => {
          let world = new World()
          await everywhere(early, async (late) => {
            world = await run((world) => {
              world.at(early, () => first(world))
              world.at(late, () => second(world))
            }, delay)
            expect({ early, late, ...((await verdict(world)) as object) }).toEqual({ early, late, ...WELL })
            return world
          })
          return world
        })
      },
    )
  },
)

test('batch marking: a live directory is not marked, however long it rests, and its files are sent', async () => {
  const world = await run((world) => world.close('open'))
  expect(await verdict(world)).toEqual(WELL)
  expect([world.marks, world.files.get('before')]).toEqual([0, 'sent'])
})

test('batch marking: an unclosed directory is marked only after the quiet period', async () => {
  const world = new World()
  world.files.set('before', 'sent')
  world.newest = false
  await world.directory.look({ closed: false, newest: false })
  expect(world.marks).toBe(0)
  await world.run()
  expect(world.marks).toBe(1)
})

test('batch marking: a file begun after a refused mark keeps the directory unmarked, even without an event', async () => {
  const world = new World()
  world.files.set('before', 'sent')
  world.newest = false
  world.isFull = true
  await world.run()
  expect([world.marks, world.refusedMarks > 0]).toEqual([0, true])
  world.begin('open')
  world.isFull = false
  await world.directory.nudge()
  await world.run()
  expect([world.marks, world.violations]).toEqual([0, []])
  expect(await verdict(world)).toEqual(WELL)
})

test('batch marking: a file begun while the directory was live again keeps it unmarked, even without an event', async () => {
  const reached = await everywhere(0, async (moment) => {
    const world = new World()
    world.files.set('before', 'sent')
    world.newest = false
    world.at(moment, () => world.newerVanishes())
    await world.run()
    world.begin('open')
    world.newerAppears()
    await world.run()
    expect({ moment, ...((await verdict(world)) as object) }).toEqual({ moment, ...WELL })
    return world
  })
  expect(reached).toBeGreaterThan(5)
})

test('batch marking: a directory wrongly taken for closed becomes live again', async () => {
  const world = new World()
  // As a look at the directory that had its name before.
  void world.directory.look({ closed: true, newest: true })
  await world.run()
  expect([world.marks, world.directory.state.closed]).toEqual([0, false])
  world.write('later')
  await world.run()
  world.finishParse()
  await world.run()
  expect(await verdict(world)).toEqual(WELL)
})
