import { describe, expect, test } from 'vitest'
import type { QueuedFile } from '../../../core/ledger/ledger.ts'
import { createRestlessFiles } from '../../../core/send/queue/restless.ts'

const MIB = 1024 * 1024
const SECOND = 1_000
const HOUR = 3_600_000
const START = 1_700_000_000_000

/** A moment of two clocks that agree. */
const at = (wall: number) => ({ wall, steady: wall })

const buildFile = (size: number, modifiedAt = START): QueuedFile => ({
  ...{
    id: 1,
    generation: 1,
    source: 's',
    path: 'measure.log',
    size,
    attempts: 0,
    digest: null,
    isTrusted: true,
    storedNs: 0n,
  },
  ...{ mtimeNs: BigInt(modifiedAt) * 1_000_000n, ctimeNs: 1n, inode: 1n, device: 1n },
})

function setUp({ versionsPerHour = 12, storedAt = null as number | null } = {}) {
  const waiting = new Set([1])
  const isWaiting = (id: number) => waiting.has(id)
  return { files: createRestlessFiles({ versionsPerHour, storedAt: () => storedAt, isWaiting }), waiting }
}

describe('version spacing', () => {
  test('a version that was stored before is sent again at once, and a newer one waits', () => {
    const { files } = setUp()
    const due = buildFile(40 * MIB)
    files.begins(due, at(START))
    files.stored(due, false, at(START + 10 * SECOND))
    expect(files.mayGoAt(due, START + 11 * SECOND)).toBe(START + 11 * SECOND)
    files.stored(due, false, at(START + 12 * SECOND))
    const next = buildFile(40 * MIB, START + 13 * SECOND)
    expect(files.mayGoAt(next, START + 13 * SECOND)).toBeGreaterThan(START + 13 * SECOND)
  })

  test('a file that changes all the time is sent once in each interval, despite slow transfers', () => {
    const { files } = setUp()
    let now = START
    let versions = 0
    // A line a second, ten seconds on the line, an hour long.
    while (now < START + HOUR) {
      const due = buildFile(40 * MIB, now)
      if (files.mayGoAt(due, now) > now) {
        now += SECOND
        continue
      }
      files.begins(due, at(now))
      now += 10 * SECOND
      files.stored(due, true, at(now))
      versions += 1
    }
    expect(versions).toBe(12)
    expect(files.list(now)).toMatchObject([{ path: 'measure.log', tries: 0 }])
  })

  test('a file that has come to rest is sent early, and the version after that waits', () => {
    const { files } = setUp()
    const due = buildFile(40 * MIB)
    files.begins(due, at(START))
    const stored = START + 10 * SECOND
    files.stored(due, true, at(stored))
    const rested = stored + 2 * SECOND + 10 * SECOND
    const last = buildFile(40 * MIB, stored + 2 * SECOND)
    expect(files.mayGoAt(last, stored + 3 * SECOND)).toBe(rested)
    expect(files.mayGoAt(last, rested)).toBe(rested)
    files.begins(last, at(rested))
    files.stored(last, true, at(rested + 10 * SECOND))
    const third = files.mayGoAt(buildFile(40 * MIB, rested), rested + 100 * SECOND)
    expect(third).toBe(stored + 300 * SECOND)
  })

  test('the interval grows with the size of the file and with its transfer time', () => {
    const measureInterval = (size: number, tookMs: number): number => {
      const { files } = setUp()
      const due = buildFile(size)
      files.begins(due, at(START - tookMs))
      files.stored(due, true, at(START))
      return files.mayGoAt(buildFile(size, START + HOUR), START) - START
    }
    expect(measureInterval(100, 5)).toBe(0)
    expect(measureInterval(MIB, 5)).toBe(18_750)
    expect(measureInterval(64 * MIB, 5)).toBe(300_000)
    expect(measureInterval(MIB, 60_000)).toBe(600_000)
  })
})

describe('rewritten files', () => {
  test('attempts are counted until a version is stored, and listed with the time of the stored copy', () => {
    const { files } = setUp({ storedAt: START - HOUR })
    const due = buildFile(40 * MIB)
    for (let now = START; now < START + 300; now += 100) {
      files.begins(due, at(now))
      files.changed(due, at(now + 10))
    }
    const now = START + 400
    expect(files.list(now)).toMatchObject([{ tries: 3, since: START, storedAt: START - HOUR }])
    files.begins(due, at(now))
    files.stored(due, false, at(now + 100))
    expect(files.list(now + 100)).toEqual([])
  })

  test('an attempt of 10 s in which the file changed is followed by a pause of 40 s', () => {
    const { files } = setUp()
    const due = buildFile(40 * MIB)
    files.begins(due, at(START))
    files.changed(due, at(START + 10 * SECOND))
    const changing = buildFile(40 * MIB, START + HOUR)
    expect(files.mayGoAt(changing, START + 11 * SECOND)).toBe(START + 50 * SECOND)
  })

  test('a file that no longer waits, for example a removed one, leaves the list', () => {
    const { files, waiting } = setUp()
    files.begins(buildFile(5), at(START))
    files.changed(buildFile(5), at(START))
    expect(files.list(START)).toHaveLength(1)
    waiting.clear()
    expect(files.list(START)).toEqual([])
  })
})

describe('restless files after a wall clock change', () => {
  test('a file that changed while it was read is due at once when the clock is set back', () => {
    const { files } = setUp()
    const due = buildFile(40 * MIB)
    files.begins(due, { wall: START + 72 * HOUR, steady: 0 })
    files.changed(due, { wall: START + 72 * HOUR + 10, steady: 10 })
    expect(files.mayGoAt(due, START)).toBe(START)
  })

  test('versions of a file are spaced by the new time when the clock is set back', () => {
    const { files } = setUp()
    const due = buildFile(40 * MIB)
    files.begins(due, { wall: START + 72 * HOUR, steady: 0 })
    files.stored(due, true, { wall: START + 72 * HOUR, steady: 10 })
    files.begins(due, { wall: START, steady: 20 })
    files.stored(due, true, { wall: START, steady: 30 })
    expect(files.mayGoAt(buildFile(40 * MIB, START + HOUR), START)).toBeLessThanOrEqual(START + HOUR)
  })

  test('a clock set forward during a transfer does not lengthen its measured time', () => {
    const { files } = setUp()
    const due = buildFile(40 * MIB)
    files.begins(due, { wall: START, steady: 0 })
    const now = START + 72 * HOUR
    files.stored(due, true, { wall: now, steady: 10 * SECOND })
    expect(files.mayGoAt(buildFile(40 * MIB, now + HOUR), now)).toBe(now + 300 * SECOND)
  })
})
