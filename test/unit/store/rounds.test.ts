import { openSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RoundResult, ToPlace } from '../../../core/store/messages.ts'
import type { Written } from '../../../core/store/rounds.ts'
import { openRounds } from '../../../core/store/rounds.ts'
import { factsOf } from '../../support/file-facts.ts'
import { openLarge, smallFile } from '../../support/large-files.ts'
import { threadJobs } from '../../support/threads-here.ts'
import { until } from '../../support/until.ts'

vi.mock('node:worker_threads', async (original) => ({
  ...(await original<typeof import('node:worker_threads')>()),
  Worker: (await import('../../support/threads-here.ts')).ThreadHere,
}))

const MIB = 1024 * 1024
const EIO = { status: 'failed', detail: 'EIO' } as const

/** Rounds of a disk that makes durable what the test lets it, at once or in one call for all. */
function open({ syncsWhole = true } = {}) {
  const asked: { files: readonly ToPlace[]; sync: string; end(unsynced: RoundResult['unsynced']): void }[] =
    []
  const committing = {
    syncsWhole,
    round: ({ files, sync }: { files: readonly ToPlace[]; sync: string }) =>
      new Promise<RoundResult>((resolve) => {
        const end = (unsynced: RoundResult['unsynced']) => {
          const outcome = unsynced ?? { status: 'durable' as const, detail: '' }
          resolve({ outcomes: files.map(() => outcome), unsynced, position: 1, totals: [] })
        }
        asked.push({ files, sync, end })
      }),
  }
  let rooms = 0
  const rounds = openRounds(committing as never, () => {
    rooms += 1
  })
  const answers: string[] = []
  const written = (size: number): Written => ({
    file: {
      ...{ fd: openSync('/dev/null', 'r'), file: null, source: 1, path: 'f', facts: factsOf(size) },
      ...{ digest: Buffer.alloc(32), isUntimed: false, moved: null },
    },
    folder: 'pc',
    session: null,
    directories: [],
    answer: ({ status }) => void answers.push(status),
  })
  const add = (count: number, size = 1) => {
    rounds.reserve(count, count * size)
    rounds.add(Array.from({ length: count }, () => written(size)))
  }
  const next = async () => {
    const round = await until('a round is asked for', () => asked.shift())
    return { names: round.files.length, sync: round.sync, end: round.end }
  }
  return { rounds, add, next, answers, rooms: () => rooms }
}

describe('rounds', () => {
  test('what is written while one is under way is in the next one, all of it together', async () => {
    const { add, next, answers } = open()
    add(1)
    const first = await next()
    for (let count = 0; count < 40; count += 1) add(1)
    first.end(null)
    const second = await next()
    second.end(null)
    const third = await next()
    expect([first, second, third]).toMatchObject([
      { sync: 'each', names: 1 },
      { sync: 'whole', names: 0 },
      { sync: 'whole', names: 40 },
    ])
    expect(answers).toHaveLength(1)
    third.end(null)
    await until('all are answered', () => answers.length === 41)
  })

  test('what no sync has seen yet is bounded: there is room again when it is durable', async () => {
    const { rounds, add, next, rooms } = open()
    for (let count = 0; rounds.room > 0; count += 1) {
      add(1, MIB)
      expect(count).toBeLessThan(300)
    }
    for (let round = 0; round < 3; round += 1) (await next()).end(null)
    await until('all are durable', () => rooms() > 0 && rounds.room > 0)
  })

  test('files on their way are bounded, too, however small', () => {
    const { rounds, add } = open()
    const { room } = rounds
    expect(room).toBeGreaterThan(100)
    rounds.reserve(room - 1, 0)
    add(1)
    expect(rounds.room).toBe(0)
    rounds.giveUp(10, 0)
    expect(rounds.room).toBe(10)
  })

  test('of a sync that failed nothing is durable that was written before its end: not what is in the next round either', async () => {
    const { add, next, answers } = open()
    add(20)
    ;(await next()).end(null)
    const naming = await next()
    add(20)
    naming.end(EIO)
    await until('all are answered', () => answers.length === 40)
    expect(new Set(answers)).toEqual(new Set(['failed']))
    add(20)
    ;(await next()).end(null)
    ;(await next()).end(null)
    await until('they are durable', () => answers.slice(40).every((status) => status === 'durable'))
    expect(answers).toHaveLength(60)
  })

  test('at its end what is under way is brought to its end, and nothing more begins', async () => {
    const { rounds, add, next, answers } = open({ syncsWhole: false })
    add(1)
    const first = await next()
    add(1)
    const closed = rounds.close()
    add(1)
    expect(answers).toEqual(['aborted'])
    first.end(null)
    ;(await next()).end(null)
    await closed
    expect(answers).toEqual(['aborted', 'durable', 'durable'])
  })
})

describe('the store', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => {
    vi.useRealTimers()
    threadJobs.before = async () => undefined
  })

  test('does not rest while a round is under way: what is written already is for its next sync to judge', async () => {
    const jobs: string[] = []
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const { store, source } = await openLarge()
    threadJobs.before = async (kind) => {
      if (kind === 'round' && !jobs.includes('round')) await held
      jobs.push(kind)
    }
    const receive = (name: string) => {
      const answer = { written: () => undefined as unknown, stored: () => undefined as unknown }
      const written = new Promise((resolve) => Object.assign(answer, { written: resolve }))
      const stored = new Promise((resolve) => Object.assign(answer, { stored: resolve }))
      store.receiveAll([smallFile(source, name, Buffer.from(name))], {
        directories: [],
        onWritten: () => answer.written(),
        onStored: () => answer.stored(),
      })
      return { written, stored }
    }
    const first = receive('one')
    await first.written
    const second = receive('two')
    await second.written
    await new Promise(setImmediate)
    vi.advanceTimersByTime(60_000)
    release()
    await Promise.all([first.stored, second.stored])
    expect(jobs.slice(jobs.indexOf('round'), jobs.lastIndexOf('round'))).not.toContain('rest')
    vi.advanceTimersByTime(60_000)
    await vi.waitFor(() => expect(jobs.at(-1)).toBe('rest'))
  })
})
