import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { History } from '../../../core/check/history/history.ts'
import type { KeptCheck } from '../../../core/check/history/history-store.ts'
import { checkedAs } from '../../support/agent/checked.ts'

const checked = (id: string, at: number) => checkedAs(id, { at })

/** A thread that treats each call with `code`; `answer` and `fail` say what becomes of one (core/lib/workers/thread.ts). */
function thread(code: string): URL {
  const script = `
    import { parentPort } from 'node:worker_threads'
    const answer = (id, output) => parentPort.postMessage({ id, output })
    const fail = (id, message) => parentPort.postMessage({ id, failure: { message, code: null } })
    let written = []
    parentPort.on('message', (call) => {
      if (call === null) process.exit(0)
      const { id, name, input } = call
      ${code}
    })`
  return new URL(`data:text/javascript,${encodeURIComponent(script)}`)
}

const toFake = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] as const

describe('check history client', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: [...toFake] }))
  afterEach(() => void vi.useRealTimers())

  const question = { id: 'a', from: 0, to: 10, points: 5 }

  it('reports a write failure once, and its end once, and keeps the checks of it', async () => {
    const told: unknown[] = []
    const history = new History(
      thread(`if (name === 'ask') answer(id, { points: [], spanMs: 0 })
        else if (written.push(input) < 3) fail(id, 'disk full')
        else answer(id, null)`),
      ({ key, params }) => told.push([key, params]),
    )
    history.keepIn('/history.db')
    for (let batch = 0; batch < 5; batch += 1) {
      history.add([checked('a', batch), checked('b', batch)])
      vi.advanceTimersByTime(10_000)
      // Its answer comes after that of the batch.
      await history.ask(question)
      expect(told.length).toBe(batch < 2 ? 1 : 2)
    }
    expect(told).toEqual([
      ['check.historyLost', { path: '/history.db', reason: 'disk full' }],
      ['check.historyBack', { lost: 0 }],
    ])
    vi.useRealTimers()
    await history.stop()
  })

  it('writes like checks every ten minutes, a changed verdict within ten seconds, and many at once', async () => {
    const history = new History(
      thread(`if (name === 'write') written.push(input.length)
        answer(id, name === 'ask' ? written.splice(0) : null)`),
      () => undefined,
    )
    history.keepIn('/history.db')
    const check = (rounds: number, kind: 'ok' | 'full' = 'ok') => {
      for (let round = 0; round < rounds; round += 1) {
        history.add([checkedAs('a', { at: round, kind })])
        vi.advanceTimersByTime(10_000)
      }
    }
    // Each answer comes after the write before it, which the question itself may begin.
    const answered = async () => (await history.ask(question)) as unknown as number[]
    check(1)
    expect(await answered()).toEqual([1])
    check(59)
    check(1)
    expect(await answered()).toEqual([60])
    check(1, 'full')
    expect(await answered()).toEqual([1])
    history.add(Array.from({ length: 5_000 }, (_, at) => checkedAs('a', { at, kind: 'full' })))
    vi.advanceTimersByTime(10_000)
    expect(await answered()).toEqual([5_000])
    vi.useRealTimers()
    await history.stop()
  })

  it('reports a disk that does not answer once, and refuses queries beyond a limit', async () => {
    const told: string[] = []
    const history = new History(thread(''), ({ key }) => told.push(key))
    history.keepIn('/history.db')
    const many = Array.from({ length: 1_000 }, (_, index) => checked(`p${index}`, index))
    for (let round = 0; round < 300; round += 1) {
      history.add(many)
      vi.advanceTimersByTime(1_000)
    }
    expect(told).toEqual(['check.historyStuck'])
    const refused = Array.from({ length: 40 }, () =>
      history.ask(question).then(null, (error) => error.sentence.key),
    )
    expect(await refused.at(-1)).toBe('check.historyAway')
    const stopped = history.stop()
    vi.advanceTimersByTime(1_000)
    await stopped
  })

  it('hands checks over unchanged, keeps 100,000 during a pending batch, and counts the lost ones', async () => {
    const told: unknown[] = []
    const history = new History(
      thread(`if (name === 'write') written.push({ id, checks: input })
        if (name === 'write' && written.length > 1) answer(id, null)
        if (name === 'ask' && input.id === 'go on') answer(written[0].id, null)
        if (name === 'ask') answer(id, written.map(({ checks }) => checks))`),
      ({ key, params }) => told.push([key, params]),
    )
    history.keepIn('/history.db')
    history.add([
      checkedAs('a', { at: 1.5, kind: 'hung', delayMs: null }),
      checkedAs('b', { at: 2, delayMs: 7 }),
    ])
    vi.advanceTimersByTime(10_000)
    const many = Array.from({ length: 1_000 }, (_, index) => checked(`p${index}`, index))
    for (let round = 0; round < 150; round += 1) history.add(many)
    vi.advanceTimersByTime(30_000)
    await history.ask({ ...question, id: 'go on' })
    vi.advanceTimersByTime(10_000)
    const [first, second] = (await history.ask(question)) as unknown as KeptCheck[][]
    expect(first).toEqual([
      { id: 'a', at: 1.5, kind: 'hung', delayMs: null },
      { id: 'b', at: 2, kind: 'ok', delayMs: 7 },
    ])
    expect(second?.length).toBe(100_000)
    expect(told).toEqual([
      ['check.historyStuck', { path: '/history.db' }],
      ['check.historyBack', { lost: 50_000 }],
    ])
    vi.useRealTimers()
    await history.stop()
  })

  it('starts another thread after one that exited, and answers queries', async () => {
    const told: string[] = []
    const history = new History(
      thread(`if (name === 'ask') answer(id, { points: [], spanMs: 7 })
        else if (input.length === 1) process.exit(3)
        else answer(id, null)`),
      ({ key }) => told.push(key),
    )
    history.keepIn('/history.db')
    history.add([checked('a', 1)])
    vi.advanceTimersByTime(10_000)
    await vi.waitFor(() => expect(told).toEqual(['check.historyLost']))
    history.add([checked('a', 2)])
    vi.advanceTimersByTime(10_000)
    await vi.waitFor(() => expect(told).toEqual(['check.historyLost', 'check.historyBack']))
    expect(await history.ask(question)).toEqual({ points: [], spanMs: 7 })
    vi.useRealTimers()
    await history.stop()
    // That the thread ended is no news then.
    expect(told).toEqual(['check.historyLost', 'check.historyBack'])
  })
})
