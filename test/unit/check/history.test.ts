import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createCheckBuffer } from '../../../core/check/history/buffer.ts'
import { createHistory } from '../../../core/check/history/history.ts'
import { sampleOf } from '../../../core/check/history/packing.ts'
import type { VerdictKind } from '../../../core/check/messages.ts'
import { checkedAs } from '../../support/checked.ts'

const checked = (id: string, at: number, kind: VerdictKind = 'ok', delayMs: number | null = 1) =>
  checkedAs(id, { at, kind, delayMs })

describe('the checks that wait to be written', () => {
  it('are handed over as they came, each path named once', () => {
    const buffer = createCheckBuffer()
    for (const id of ['a', 'b', 'a']) buffer.add(checked(id, 10.4, 'hung', null))
    const first = buffer.take()
    expect(first?.names).toEqual(['a', 'b'])
    expect([...(first?.checks.paths ?? [])]).toEqual([0, 1, 0])
    expect(sampleOf(10, first?.checks.tags[0] ?? 0)).toEqual({ at: 10, kind: 'hung', delayMs: null })
    expect(buffer.take()).toBeNull()
    buffer.add(checked('c', 1))
    buffer.add(checked('b', 1))
    expect(buffer.take()).toMatchObject({
      names: ['c'],
      checks: { count: 2, paths: Uint32Array.from([2, 1]) },
    })
  })

  it('are bounded: what finds no room is lost and counted', () => {
    const buffer = createCheckBuffer(1_000)
    for (let at = 0; at < 1_500; at += 1) buffer.add(checked('a', at))
    expect(buffer.waiting()).toBe(1_000)
    expect(buffer.takeLost()).toBe(500)
    expect(buffer.takeLost()).toBe(0)
    expect(buffer.take()?.checks.at.at(-1)).toBe(999)
    buffer.add(checked('a', 1))
    expect(buffer.waiting()).toBe(1)
  })

  it('are named anew for another thread', () => {
    const buffer = createCheckBuffer()
    buffer.add(checked('a', 1))
    buffer.forgetNames()
    expect(buffer.takeLost()).toBe(1)
    buffer.add(checked('b', 1))
    expect(buffer.take()?.names).toEqual(['b'])
  })
})

/** A thread that treats each message with `code`; `say` posts an answer. */
function thread(code: string): URL {
  const script = `
    import { parentPort } from 'node:worker_threads'
    const say = (message) => parentPort.postMessage(message)
    let written = 0
    parentPort.on('message', (message) => {
      if (message.type === 'stop') process.exit(0)
      ${code}
    })`
  return new URL(`data:text/javascript,${encodeURIComponent(script)}`)
}

describe('the checker’s side of the history', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  const question = { id: 'a', from: 0, to: 10, points: 5 }

  it('says once that writing fails, and once that it is well again, with what is missing', async () => {
    const told: unknown[] = []
    const history = createHistory(
      thread(`if (message.type === 'write')
        say({ type: 'written', failure: (written += 1) < 3 ? 'disk full' : null })
        if (message.type === 'ask')
          say({ type: 'answer', number: message.number, answer: { points: [], spanMs: 0 } })`),
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
      ['check.historyBack', { lost: 4 }],
    ])
    vi.useRealTimers()
    await history.stop()
  })

  it('says once that the disk does not answer; the checks cost no more memory than is set', async () => {
    const told: string[] = []
    const history = createHistory(thread(''), ({ key }) => told.push(key))
    history.keepIn('/history.db')
    const many = Array.from({ length: 1_000 }, (_, index) => checked(`p${index}`, index))
    for (let round = 0; round < 300; round += 1) {
      history.add(many)
      vi.advanceTimersByTime(1_000)
    }
    expect(told).toEqual(['check.historyStuck'])
    const refused = Array.from({ length: 40 }, () =>
      history.ask(question).then(null, (thrown) => thrown.sentence.key),
    )
    expect(await refused.at(-1)).toBe('check.historyAway')
    const stopped = history.stop()
    vi.advanceTimersByTime(1_000)
    await stopped
  })

  it('starts another thread after one that ended, and answers its questions', async () => {
    const told: string[] = []
    const history = createHistory(
      thread(`if (message.type === 'write' && message.names.includes('fatal')) process.exit(3)
        if (message.type === 'write') say({ type: 'written', failure: null })
        if (message.type === 'ask')
          say({ type: 'answer', number: message.number, answer: { points: [], spanMs: 7 } })`),
      ({ key }) => told.push(key),
    )
    history.keepIn('/history.db')
    history.add([checked('fatal', 1)])
    vi.advanceTimersByTime(10_000)
    await vi.waitFor(() => expect(told).toEqual(['check.historyLost']))
    history.add([checked('a', 1)])
    vi.advanceTimersByTime(10_000)
    await vi.waitFor(() => expect(told).toEqual(['check.historyLost', 'check.historyBack']))
    expect(await history.ask(question)).toEqual({ points: [], spanMs: 7 })
    vi.useRealTimers()
    await history.stop()
    // That the thread ended is no news then.
    expect(told).toEqual(['check.historyLost', 'check.historyBack'])
  })
})
