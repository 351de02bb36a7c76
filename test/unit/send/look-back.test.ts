import fs from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Claim, Due } from '../../../core/ledger/ledger.ts'
import { createLookBack } from '../../../core/send/pump/look-back.ts'
import { openLookBacks } from '../../../core/send/pump/look-backs.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const due = (path: string, source = 's'): Due => ({
  id: 1,
  generation: 1,
  source,
  path,
  size: 1,
  mtimeNs: 1n,
  ctimeNs: 1n,
  inode: 1n,
  device: 1n,
  attempts: 0,
  digest: null,
})

const at = (path: string) => ({ root: '/source', path })

function open() {
  const there = new Set<string>()
  const looks: string[] = []
  const found: string[] = []
  const lookBack = createLookBack({
    looksMs: [2_000, 10_000, 60_000],
    isBack: async (file) => {
      looks.push(file.path)
      return there.has(file.path)
    },
    found: (file) => void found.push(file.path),
  })
  return { there, looks, found, lookBack }
}

test('a file that comes back within a minute is found, one that does not is looked for four times', async () => {
  const { there, looks, found, lookBack } = open()
  for (const name of ['back', 'gone']) lookBack.givenUp(at(name), due(name))
  await vi.advanceTimersByTimeAsync(9_000)
  expect(found).toEqual([])
  there.add('back')
  await vi.advanceTimersByTimeAsync(2_000)
  expect(found).toEqual(['back'])
  await vi.advanceTimersByTimeAsync(600_000)
  expect(found).toEqual(['back'])
  expect(looks.filter((one) => one === 'gone')).toHaveLength(4)
})

test('one that is back at once is found at once; after the end nothing is looked for', async () => {
  const { there, looks, found, lookBack } = open()
  there.add('back')
  lookBack.givenUp(at('back'), due('back'))
  lookBack.givenUp(at('gone'), due('gone'))
  await vi.advanceTimersByTimeAsync(0)
  expect(found).toEqual(['back'])
  lookBack.stop()
  const before = looks.length
  await vi.advanceTimersByTimeAsync(600_000)
  expect(looks).toHaveLength(before)
})

test('a disk that hangs has few calls out, and those of other sources go on', async () => {
  let out = 0
  const found: string[] = []
  const lookBack = createLookBack({
    looksMs: [2_000],
    isBack: ({ path: file }) => {
      if (!file.startsWith('hung')) return Promise.resolve(true)
      out += 1
      return new Promise(() => undefined)
    },
    found: (file) => void found.push(file.path),
  })
  for (let count = 0; count < 2_000; count += 1)
    lookBack.givenUp(at(`hung/${count}`), due(`${count}`, 'hung'))
  lookBack.givenUp(at('other'), due('other', 'other'))
  await vi.advanceTimersByTimeAsync(100_000)
  expect(out).toBe(4)
  expect(found).toEqual(['other'])
})

test.each(['unreadable', 'refused'] as const)(
  'a parked file that is removed gets its last try: %s',
  async (why) => {
    const file = path.join(temporaryDirectory('look-back'), 'parked')
    fs.writeFileSync(file, 'x')
    // Not the file that was given up: what may be read now would get its try at once.
    const parked = due('parked')
    const unparked: Due[] = []
    const found: string[] = []
    const ledger = {
      offer: () => 0,
      unparkOne: (claim: Claim) => unparked.push(claim as Due) > 0,
    }
    const backs = openLookBacks(ledger, 'd', {
      found: (source) => void found.push(source),
      log: () => undefined,
    })
    backs[why].givenUp({ root: path.dirname(file), path: 'parked' }, parked)
    await vi.advanceTimersByTimeAsync(9_000)
    expect(unparked).toEqual([])
    fs.rmSync(file)
    // Real calls answer between two turns of the clock.
    for (let turns = 0; found.length === 0 && turns < 1_000; turns += 1) {
      await vi.advanceTimersByTimeAsync(10_000)
      await fs.promises.stat(path.dirname(file))
    }
    expect(found).toEqual(['s'])
    expect(unparked).toEqual([parked])
    backs.stop()
  },
)
