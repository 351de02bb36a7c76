import { describe, expect, test } from 'vitest'
import { Marking } from '../../../core/scan/batch/marking.ts'

const QUIET_MS = 1_000

/** One directory that is not the newest, a clock that is set by hand, and what its listings find. */
function setUp(closed: boolean) {
  const world = {
    ...{ found: 0, isEmpty: false, isFull: false, lists: 0, marks: 0, now: 5_000, failed: 0 },
    /** What the next readings of the directory's state find, other than its usual one. */
    standings: [] as ('closed' | 'overtaken' | 'live')[],
  }
  let timer: { at: number; call: () => void } | null = null
  const marking = new Marking(
    {
      list: async () => {
        world.lists += 1
        return { found: world.found, closed, isEmpty: world.isEmpty }
      },
      unsent: () => 0,
      standing: async () => world.standings.shift() ?? (closed ? 'closed' : 'overtaken'),
      mark: async () => {
        if (world.isFull) throw new Error('no space left')
        world.marks += 1
      },
      now: () => world.now,
      at: (at, call) => {
        timer = { at, call }
        return () => {
          timer = null
        }
      },
      changed: () => undefined,
      failed: () => {
        world.failed += 1
      },
    },
    QUIET_MS,
  )
  const pass = async (ms: number) => {
    world.now += ms
    if (timer !== null && timer.at <= world.now) timer.call()
    await marking.nudge()
  }
  const begin = () => marking.look({ closed, newest: false })
  return { world, marking, begin, pass }
}

test('batch marking: a closed directory with an open file is listed again after 30 seconds, even without an event', async () => {
  const { world, begin, pass } = setUp(true)
  world.found = 1
  await begin()
  expect(world).toMatchObject({ lists: 1, marks: 0 })
  world.found = 0
  await pass(29_000)
  expect(world).toMatchObject({ lists: 1, marks: 0 })
  await pass(1_000)
  expect(world).toMatchObject({ lists: 2, marks: 1 })
})

test('batch marking: an unclosed directory is marked after two listings a quiet period apart find it at rest', async () => {
  const { world, begin, pass } = setUp(false)
  await begin()
  await pass(QUIET_MS - 1)
  expect(world).toMatchObject({ lists: 1, marks: 0 })
  await pass(1)
  expect(world).toMatchObject({ lists: 2, marks: 1 })
})

test('batch marking: an unclosed directory is not marked before it has had a file', async () => {
  const { world, marking, begin, pass } = setUp(false)
  world.isEmpty = true
  await begin()
  for (let count = 0; count < 5; count += 1) await pass(QUIET_MS)
  expect(world).toMatchObject({ lists: 1, marks: 0 })
  expect(marking.state.newest).toBe(true)
  world.isEmpty = false
  marking.brought(1)
  for (let count = 0; count < 2; count += 1) await pass(QUIET_MS)
  expect(world.marks).toBe(1)
})

test('batch marking: an empty directory that its producer has closed is marked', async () => {
  const { world, begin } = setUp(true)
  world.isEmpty = true
  await begin()
  expect(world.marks).toBe(1)
})

describe('batch marking quiet period', () => {
  const again = async (disturb: (marking: Marking) => Promise<void>) => {
    const { world, marking, begin, pass } = setUp(false)
    await begin()
    await disturb(marking)
    const { lists } = world
    await pass(QUIET_MS)
    expect(world).toMatchObject({ lists: lists + 1 })
    if (world.marks === 0) await pass(QUIET_MS)
    return world
  }
  test('a directory that was live again waits for the whole period once more', async () => {
    const world = await again(async (marking) => {
      await marking.look({ closed: false, newest: true })
      await marking.look({ closed: false, newest: false })
    })
    expect(world).toMatchObject({ lists: 3, marks: 1 })
  })

  test('a directory whose closing mark is gone again waits for the whole period once more', async () => {
    const { world, begin, pass } = setUp(false)
    await begin()
    world.standings.push('closed', 'overtaken')
    await pass(QUIET_MS)
    expect(world).toMatchObject({ standings: [], marks: 0 })
    await pass(QUIET_MS - 1)
    expect(world.marks).toBe(0)
    await pass(1)
    expect(world.marks).toBe(1)
  })

  test('a directory that was live as it was to be marked waits for the whole period once more', async () => {
    const { world, begin, pass } = setUp(false)
    await begin()
    world.standings.push('live')
    await pass(QUIET_MS)
    expect(world).toMatchObject({ standings: [], marks: 0 })
    await pass(QUIET_MS - 1)
    expect(world.marks).toBe(0)
    await pass(1)
    expect(world.marks).toBe(1)
  })

  test('a directory that got a file waits for the whole period once more', async () => {
    const world = await again(async (marking) => marking.brought(1))
    expect(world).toMatchObject({ lists: 3, marks: 1 })
  })
})

test.each([true, false])(
  'batch marking: a refused mark is retried after 30 seconds, however often it is requested (closed: %s)',
  async (closed) => {
    const { world, begin, pass } = setUp(closed)
    world.isFull = true
    await begin()
    await pass(QUIET_MS)
    expect(world.failed).toBe(1)
    world.isFull = false
    const { lists } = world
    for (let count = 0; count < 10; count += 1) await pass(2_000)
    expect(world).toMatchObject({ lists, marks: 0 })
    await pass(10_000)
    await pass(QUIET_MS)
    expect(world.marks).toBe(1)
  },
)
