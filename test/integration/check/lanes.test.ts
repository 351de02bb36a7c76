import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createLanes, type LaneRead } from '../../../core/check/lanes/lanes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const thread = new URL('../../../cli/workers/lane.ts', import.meta.url)

/** Lanes, and what they said of each path that is added through `add`. */
function setUp(script = thread) {
  const lanes = createLanes(script)
  onTestFinished(() => lanes.close())
  const add = (at: string, group = 'disk') => {
    const told: { what: LaneRead | 'stalled' | 'withdrawn'; atMs: number }[] = []
    const tell = (what: LaneRead | 'stalled' | 'withdrawn') => told.push({ what, atMs: performance.now() })
    const slot = lanes.add(Buffer.from(at).toString('latin1'), false, {
      group,
      finished: tell,
      stalled: () => tell('stalled'),
      withdrawn: () => tell('withdrawn'),
    })
    return { told, slot: slot ?? expect.fail('no slot') }
  }
  /** What a healthy path's read found. On a busy computer it may seem to stall first, or have to be read again. */
  const found = ({ told, slot }: ReturnType<typeof add>, before = 0): LaneRead | null => {
    const last = told.slice(before).at(-1)?.what
    if (typeof last === 'object') return last
    if (last === 'withdrawn') lanes.read(slot)
    return null
  }
  /** Lanes need a moment to start; until then every read is withdrawn. */
  const ready = async (file: string) => {
    const first = add(file, 'first')
    await until('a lane to read', () => {
      if (first.told.some(({ what }) => typeof what === 'object')) return true
      lanes.read(first.slot)
      return false
    })
  }
  return { lanes, add, found, ready }
}

function makeFile(directory: string, name: string): string {
  const file = path.join(directory, name)
  writeFileSync(file, 'x'.repeat(5_000))
  return file
}

function makeFifo(directory: string, name: string): string {
  const fifo = path.join(directory, name)
  execFileSync('mkfifo', [fifo])
  return fifo
}

/** Lets a reader's open() return. It is opened twice: the first one is refused for its O_DIRECT, once it returns. */
function letGo(fifo: string): void {
  try {
    closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK))
  } catch {
    // ENXIO: nobody waits there just now.
  }
}

describe('lanes', () => {
  it('read files, say what fails in which step, and fall back where O_DIRECT is refused', async () => {
    const directory = temporaryDirectory('lanes')
    const { lanes, add, found, ready } = setUp()
    const file = makeFile(directory, 'file')
    await ready(file)
    const all = [file, `${directory}/none`, directory, '/proc/self/stat'].map((at) => add(at))
    for (const { slot } of all) lanes.read(slot)
    await until('all to come back', () => all.every((one) => found(one) !== null))
    expect(all.map((one) => found(one))).toMatchObject([
      { errno: 0, step: 'close', isBuffered: false },
      { errno: 2, step: 'open' },
      { errno: 21, step: 'read' },
      { errno: 0, isBuffered: true },
    ])
  })

  it('keep reading others while one stalls, give up its file system when two do, and take it back', async () => {
    const directory = temporaryDirectory('lanes')
    const { lanes, add, found, ready } = setUp()
    const file = makeFile(directory, 'file')
    await ready(file)
    const fifos = ['one', 'two'].map((name) => makeFifo(directory, name))
    const [one, two] = fifos.map((fifo) => add(fifo, 'dead'))
    const stuck = [one ?? expect.fail('one'), two ?? expect.fail('two')] as const
    const healthy = Array.from({ length: 200 }, () => add(file))
    const readAll = async (first: number) => {
      const before = healthy.map(({ told }) => told.length)
      for (const { slot } of [{ slot: first }, ...healthy]) lanes.read(slot)
      await until('the healthy', () => healthy.every((one, index) => found(one, before[index])?.errno === 0))
    }
    await readAll(stuck[0].slot)
    await until('the first to stall', () => stuck[0].told[0]?.what === 'stalled')
    const behind = add(file, 'dead')
    await readAll(stuck[1].slot)
    await until('both to stall', () => stuck.every(({ told }) => told[0]?.what === 'stalled'))
    lanes.read(behind.slot)
    await until('its file system to be given up', () => behind.told.at(-1)?.what === 'withdrawn')
    await until('them to come back', () => {
      for (const fifo of fifos) letGo(fifo)
      return stuck.every(({ told }) => told.length === 2)
    })
    const before = behind.told.length
    lanes.read(behind.slot)
    await until('it to be read again', () => found(behind, before)?.errno === 0)
  })

  it('give a slot to another path without mixing them up', async () => {
    const directory = temporaryDirectory('lanes')
    const { lanes, add, found, ready } = setUp()
    await ready(makeFile(directory, 'file'))
    for (let round = 0; round < 50; round += 1) {
      const isThere = round % 2 === 0
      const one = add(isThere ? path.join(directory, 'file') : path.join(directory, 'none'))
      lanes.read(one.slot)
      await until('it to be read', () => found(one) !== null)
      expect(found(one)).toMatchObject({ errno: isThere ? 0 : 2 })
      lanes.remove(one.slot)
    }
  })

  it('withdraw everything where no thread can be started', async () => {
    const { lanes, add } = setUp(new URL('./no-such-thread.ts', import.meta.url))
    const one = add('/etc/hostname')
    lanes.read(one.slot)
    await until('it to be withdrawn', () => one.told[0]?.what === 'withdrawn')
    lanes.read(one.slot)
    await until('it to be withdrawn again', () => one.told[1]?.what === 'withdrawn')
  })
})
