import { describe, expect, test } from 'vitest'
import { World } from '../../support/scan-world.ts'

/** More than any run has moments: later ones never come. */
const MOMENTS = 24

async function outcome(prepare: (world: World) => void) {
  const world = new World()
  world.files.set('before', 'new')
  prepare(world)
  await world.run()
  return world
}

describe('finished.parse between every two steps', () => {
  test.each(Array.from({ length: MOMENTS }, (_, moment) => moment))('at moment %i', async (moment) => {
    const world = await outcome((world) => {
      world.at(moment, () => {
        world.write('last')
        world.finishParse()
      })
    })
    expect(world.violations).toEqual([])
    const landed = moment < world.moments
    expect(world.marks).toBe(landed ? 1 : 0)
    expect([...world.files.values()].every((state) => state === 'sent')).toBe(true)
  })

  test('it was reached: the moments are more than a handful', async () => {
    const world = await outcome((world) => world.at(2, () => world.finishParse()))
    expect(world.moments).toBeGreaterThan(8)
  })
})

test.each(Array.from({ length: MOMENTS }, (_, moment) => moment))(
  'a file whose event was lost is found by the last listing (finished.parse at moment %i)',
  async (moment) => {
    const world = await outcome((world) => {
      world.at(moment, () => {
        if (world.closed) return
        world.files.set('unseen', 'new')
        world.finishParse()
      })
    })
    // A second run: finished.parse after all was at rest.
    if (world.marks === 0) {
      world.files.set('unseen', 'new')
      world.finishParse()
      await world.run()
    }
    expect(world.violations).toEqual([])
    expect([world.marks, world.files.get('unseen')]).toEqual([1, 'sent'])
  },
)

describe('a newer directory between every two steps', () => {
  test.each(Array.from({ length: MOMENTS }, (_, moment) => moment))('at moment %i', async (moment) => {
    const world = await outcome((world) => {
      world.at(moment, () => {
        world.write('last')
        world.newerAppears()
      })
    })
    expect(world.violations).toEqual([])
    expect(world.marks).toBe(moment < world.moments ? 1 : 0)
    expect([...world.files.values()].every((state) => state === 'sent')).toBe(true)
  })
})

describe('files, finished.parse and a newer directory at every pair of moments', () => {
  const pairs: [number, number][] = []
  for (let one = 0; one < MOMENTS; one += 1) {
    for (let other = one; other < MOMENTS; other += 1) pairs.push([one, other])
  }
  const orders = {
    'file, then finished.parse': (world: World, [one, other]: [number, number]) => {
      world.at(one, () => world.write('late'))
      world.at(other, () => world.finishParse())
    },
    'newer directory, then finished.parse': (world: World, [one, other]: [number, number]) => {
      world.at(one, () => world.newerAppears())
      world.at(other, () => world.finishParse())
    },
    'finished.parse, then newer directory': (world: World, [one, other]: [number, number]) => {
      world.at(one, () => world.finishParse())
      world.at(other, () => world.newerAppears())
    },
    'transfer in between': (world: World, [one, other]: [number, number]) => {
      world.at(one, () => {
        world.write('late')
        world.finishParse()
      })
      world.at(other, () => world.sendAll())
    },
  }
  test.each(Object.entries(orders))('%s', async (_name, prepare) => {
    for (const pair of pairs) {
      const world = await outcome((world) => prepare(world, pair))
      expect({ pair, violations: world.violations }).toEqual({ pair, violations: [] })
      const ended = world.closed || !world.newest
      expect({ pair, marks: world.marks }).toEqual({ pair, marks: ended ? 1 : 0 })
      expect([...world.files.values()].every((state) => state === 'sent')).toBe(true)
    }
  })
})

test('a live directory whose producer is at work is never marked, however long it rests', async () => {
  const world = await outcome(() => undefined)
  expect(world.marks).toBe(0)
  expect(world.files.get('before')).toBe('sent')
})

test('a directory that nobody closed is marked only after the quiet period', async () => {
  const world = new World()
  world.newest = false
  await world.directory.look({ closed: false, newest: false })
  expect(world.marks).toBe(0)
  await world.run()
  expect(world.marks).toBe(1)
})
