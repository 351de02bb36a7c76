import type { BigIntStats } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Refused, toConnectionTrouble } from '../../../core/backends/receiver/dial.ts'
import { toTransferResult } from '../../../core/backends/receiver/receiver-session.ts'
import type { QueuedFile, RetryCause } from '../../../core/ledger/ledger.ts'
import { backoffMs } from '../../../core/lib/async/backoff.ts'
import { createRates } from '../../../core/lib/async/rates.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { sameContent, sameFile, toFileStat } from '../../../core/platform/file-metadata.ts'
import { SilentPeer } from '../../../core/protocol/channel.ts'
import { fileStatuses, type RefusalCode } from '../../../core/protocol/limits.ts'
import { nameFaults } from '../../../core/protocol/names.ts'
import { WrongFingerprint } from '../../../core/protocol/tls.ts'
import { CircuitBreaker } from '../../../core/send/queue/circuit-breaker.ts'
import { applyRetryPolicy } from '../../../core/send/queue/retry-policy.ts'
import { buildFacts } from '../../support/store/file-facts.ts'

describe('retry backoff', () => {
  test.each([
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [6, 32_000],
    [7, 60_000],
    [1_000, 60_000],
  ])('attempt %i waits %i ms, or up to a fifth less', (attempt, full) => {
    expect(backoffMs(attempt, 60_000, 0)).toBe(full)
    expect(backoffMs(attempt, 60_000, 0.999)).toBeCloseTo(full * 0.8, -2)
  })
})

test('transfer rates: a rate is the mean of the last three seconds, and an idle one is dropped', () => {
  const rates = createRates()
  rates.add('a', 3_000, 10_000)
  rates.add('a', 3_000, 10_900)
  rates.add('b', 300, 11_500)
  expect(rates.current(11_500)).toEqual({ a: 2_000, b: 100 })
  expect(rates.current(13_500)).toEqual({ b: 100 })
  expect(rates.current(20_000)).toEqual({})
})

test('file metadata: sameContent compares size, mtime and inode, sameFile also ctime, neither the device', () => {
  const facts = { size: 1, mtimeNs: 2n, ctimeNs: 3n, inode: 4n, device: 5n }
  const isSame = (change: Partial<typeof facts>) => {
    const other = { ...facts, ...change }
    return [sameContent(facts, other), sameFile(facts, other)]
  }
  expect(isSame({ device: 9n })).toEqual([true, true])
  expect(isSame({ ctimeNs: 9n })).toEqual([true, false])
  for (const change of [{ size: 9 }, { mtimeNs: 9n }, { inode: 9n }])
    expect(isSame(change)).toEqual([false, false])
})

test('file metadata: file times are wrapped to signed 64 bits, as the ledger stores them', () => {
  const stats = { size: 1n, mtimeNs: 2n ** 64n + 2n, ctimeNs: 2n ** 63n, ino: 2n ** 63n, dev: 1n }
  expect(toFileStat(stats as BigIntStats)).toEqual({
    ...{ size: 1, mtimeNs: 2n, ctimeNs: -(2n ** 63n) },
    ...{ inode: 2n ** 63n, device: 1n },
  })
})

describe('circuit breaker', () => {
  const full = message('transfer.storeFull', { name: 'r' })
  const storeFull = { cause: 'destination', reason: full } as const
  const of = (source: string, id = 1) => ({ id, source, path: `file-${id}`, size: 9 })

  test('a store failure holds back all files but one retry at a time, and a stored file releases them', () => {
    const breaker = new CircuitBreaker(60_000, () => 0)
    expect(breaker.mayGo(0, 's')).toBe(true)
    breaker.failed(of('s'), storeFull, 0)
    breaker.failed(of('s'), storeFull, 5)
    expect(breaker.problem).toEqual(full)
    expect(breaker.mayGo(999, 's')).toBe(false)
    expect(breaker.mayGo(1_000, 's')).toBe(true)
    breaker.begins('s', 1_000)
    expect(breaker.mayGo(1_001, 's')).toBe(false)
    breaker.failed(of('s'), storeFull, 1_100)
    breaker.ended('s', 1_100)
    expect(breaker.nextTryAt).toBe(3_000)
    expect(breaker.mayGo(3_000, 's')).toBe(true)
    // A file that is gone tells nothing of the store.
    breaker.begins('s', 3_000)
    breaker.ended('s', 3_100)
    expect(breaker.mayGo(3_100, 's')).toBe(true)
    breaker.begins('s', 3_100)
    expect(breaker.nextTryAt).toBe(7_100)
    breaker.stored(of('s'))
    expect(breaker.problem).toBeNull()
    breaker.begins('s', 3_200)
    expect(breaker.mayGo(3_200, 's')).toBe(true)
  })

  test('a large file in retry releases other files once the store has accepted enough of its bytes', () => {
    const breaker = new CircuitBreaker(60_000, () => 0)
    const mib = 1024 * 1024
    breaker.failed(of('s'), storeFull, 0)
    breaker.begins('s', 1_000)
    breaker.countSent(16 * mib)
    expect(breaker.mayGo(20_000, 's')).toBe(false)
    // The next one begins at nothing.
    breaker.failed(of('s'), storeFull, 1_500)
    breaker.begins('s', 3_000)
    breaker.countSent(16 * mib)
    expect(breaker.mayGo(20_000, 's')).toBe(false)
    breaker.countSent(16 * mib)
    expect(breaker.mayGo(3_000, 's')).toBe(true)
    expect(breaker.problem).toEqual(full)
    // All of it went, and none was stored: the pause goes on growing.
    breaker.failed(of('s'), storeFull, 4_000)
    expect(breaker.nextTryAt).toBe(12_000)
  })

  test('a full store is reported until the file that did not fit is stored, even if others are stored', () => {
    const breaker = new CircuitBreaker(60_000, () => 0)
    breaker.failed(of('s', 1), storeFull, 0)
    breaker.stored(of('s', 2))
    expect([breaker.problem, breaker.mayGo(1, 's')]).toEqual([full, true])
    breaker.stored(of('s', 1))
    expect(breaker.problem).toBeNull()
    breaker.failed(of('s', 1), { ...storeFull, cause: 'suspect' }, 0)
    breaker.stored(of('s', 2))
    expect(breaker.problem).toBeNull()
  })

  test('a file that does not fit while others do is listed, and holds back no others any more', () => {
    const breaker = new CircuitBreaker(60_000, () => 0)
    const list = () => breaker.unfit.map(({ id }) => id)
    breaker.failed(of('s', 1), storeFull, 0)
    expect(list()).toEqual([])
    breaker.stored(of('s', 2))
    expect(list()).toEqual([1])
    breaker.failed(of('s', 1), storeFull, 10)
    expect([breaker.problem, breaker.nextTryAt]).toEqual([full, null])
    // A failure for a different reason concerns the whole destination.
    const away = { cause: 'destination', reason: message('transfer.storeAway', { name: 'r' }) } as const
    breaker.failed(of('s', 1), away, 20)
    expect(breaker.nextTryAt).not.toBeNull()
    breaker.stored(of('s', 1))
    expect([list(), breaker.problem]).toEqual([[], null])
    breaker.failed(of('s', 3), storeFull, 30)
    breaker.stored(of('s', 2))
    expect([breaker.forgetUnfit(() => false), list()]).toEqual([false, [3]])
    expect([breaker.forgetUnfit(() => true), list()]).toEqual([true, []])
    for (let id = 10; id < 6_000; id += 1) {
      breaker.failed(of('s', id), storeFull, 40)
      breaker.stored(of('s', 2))
    }
    // The last ones are kept, of which one may be behind the problem.
    expect([list().length, list().at(-1)]).toEqual([5_000, 5_999])
  })

  test('a retry without a result leaves the next retry to another source', () => {
    const breaker = new CircuitBreaker(60_000, () => 0)
    breaker.failed(of('hangs'), storeFull, 0)
    breaker.begins('hangs', 1_000)
    expect(breaker.mayGo(2_999, 'other')).toBe(false)
    expect(breaker.mayGo(3_000, 'hangs')).toBe(false)
    expect(breaker.mayGo(3_000, 'other')).toBe(true)
    breaker.begins('other', 3_000)
    expect(breaker.mayGo(3_001, 'third')).toBe(false)
    breaker.stored(of('s'))
    expect(breaker.mayGo(3_002, 'hangs')).toBe(true)
  })

  test('an empty queue clears the problem once a retry is due, and tryNow makes a retry due at once', () => {
    const breaker = new CircuitBreaker(60_000, () => 0)
    expect(breaker.clearIfIdle(0)).toBe(false)
    breaker.failed(of('s'), storeFull, 0)
    expect(breaker.clearIfIdle(999)).toBe(false)
    expect(breaker.problem).toEqual(full)
    breaker.tryNow(500)
    expect(breaker.problem).toEqual(full)
    expect(breaker.mayGo(500, 's')).toBe(true)
    expect(breaker.clearIfIdle(500)).toBe(true)
    expect(breaker.problem).toBeNull()
    // It may be as full as before: the pause goes on growing.
    breaker.failed(of('s'), storeFull, 600)
    expect(breaker.nextTryAt).toBe(2_600)
    breaker.tryNow(9_000)
    expect(breaker.nextTryAt).toBe(2_600)
  })

  test('eight failed files in a row hold back all files, seven do not', () => {
    const breaker = new CircuitBreaker(60_000, () => 0)
    for (let count = 0; count < 7; count += 1) breaker.failed(of('s'), { ...storeFull, cause: 'suspect' }, 0)
    expect(breaker.mayGo(0, 's')).toBe(true)
    breaker.stored(of('s'))
    for (let count = 0; count < 8; count += 1) breaker.failed(of('s'), { ...storeFull, cause: 'suspect' }, 0)
    expect(breaker.mayGo(0, 's')).toBe(false)
  })
})

describe('retry policy', () => {
  const reason = message('transfer.storeFull', { name: 'r' })
  const now = { size: 1, mtimeNs: 1n, ctimeNs: 1n, inode: 1n, device: 1n }
  const apply = (result: Parameters<typeof applyRetryPolicy>[4], attempts = 5) => {
    const calls: [string, number?][] = []
    const since = Date.now()
    const ledger = {
      retryLater: (_: unknown, at: number) => void calls.push(['later', at - since]),
      park: () => void calls.push(['park']),
      renew: (_: unknown, __: unknown, at = 0) => void calls.push(['renew', at - since]),
      drop: () => void calls.push(['drop']),
    }
    const log = (level: string) => void calls.push([level])
    const due = { path: 'x', attempts } as QueuedFile
    applyRetryPolicy(
      { ledger, retrySeconds: 60 },
      { onGone: () => undefined, log },
      { path: '/s' },
      due,
      result,
    )
    return calls
  }
  const retry = (cause: RetryCause) => ({ kind: 'retry', cause, reason }) as const

  test.each([
    [retry('file'), ['warn', 'later'], 32_000],
    [retry('suspect'), ['later'], 32_000],
    [retry('destination'), ['later'], 12_000],
    [retry('reading'), ['later'], 32_000],
    [{ ...retry('being-written'), reason: null }, ['info', 'later'], 10_000],
    [{ ...retry('changed'), reason: null, now }, ['info', 'renew'], 10_000],
    [{ ...retry('vanished'), reason: null }, ['info', 'drop'], null],
    [{ ...retry('doubtful'), reason: null }, ['later'], 30_000],
    [{ kind: 'rejected', reason } as const, ['warn', 'park'], null],
    [{ kind: 'lost' } as const, [], null],
  ])('result %o leads to %o', (result, expected, delayMs) => {
    const calls = apply(result)
    expect(calls.map(([name]) => name)).toEqual(expected)
    const delay = calls.find(([, ms]) => ms !== undefined)?.[1]
    if (delayMs === null) expect(delay).toBeUndefined()
    else expect(delay).toBeGreaterThan(delayMs * 0.79)
    if (delayMs !== null) expect(delay).toBeLessThan(delayMs + 1_000)
  })

  test('a missing file is checked a second time before its row is removed', () => {
    expect(apply({ ...retry('vanished'), reason: null }, 0).map(([name]) => name)).toEqual(['later'])
  })
})

describe('receiver result', () => {
  const file = { source: { id: 's', name: 's', path: '/data' }, path: 'x', facts: buildFacts(5) }
  const expected = {
    durable: ['stored'],
    same: ['stored'],
    name: ['rejected'],
    tooLarge: ['rejected'],
    digest: ['retry', 'file'],
    aborted: ['retry', 'file'],
    unknown: ['retry', 'file'],
    full: ['retry', 'destination'],
    readOnly: ['retry', 'destination'],
    failed: ['retry', 'suspect'],
  }
  test.each(fileStatuses)('status %s gives the expected result', (status) => {
    const result = toTransferResult({ status, detail: 'EIO', position: 3 }, 'r', file)
    expect([result.kind, ...('cause' in result ? [result.cause] : [])]).toEqual(expected[status])
  })

  test('each name fault gets its own sentence with the path and a remedy', () => {
    const sentences = nameFaults.map((detail) => {
      const result = toTransferResult({ status: 'name', detail }, 'r', file)
      return result.kind === 'rejected' ? englishWords(result.reason) : ''
    })
    expect(new Set(sentences).size).toBe(nameFaults.length)
    for (const sentence of sentences) expect(sentence).toMatch(/^\/data\/x cannot be sent: .+\. .+\.$/)
  })
})

describe('connection error', () => {
  const destination = {
    id: 'd',
    kind: 'receiver' as const,
    name: 'nas',
    host: '::1',
    port: 7766,
    fingerprint: '0'.repeat(64),
  }
  const refusal = (code: RefusalCode) => new Refused({ code, reason: 'because' })
  test.each([
    [Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), false, 'unreachable', 'transfer.unreachable'],
    [null, true, 'unreachable', 'transfer.lost'],
    [new SilentPeer(), true, 'unreachable', 'transfer.silent'],
    [new WrongFingerprint('f'), false, 'refused', 'transfer.wrongFingerprint'],
    [refusal('notPaired'), false, 'refused', 'transfer.notPaired'],
    [refusal('revoked'), false, 'refused', 'transfer.revoked'],
    [refusal('twice'), false, 'refused', 'transfer.twice'],
    [refusal('protocol'), false, 'refused', 'transfer.versionRefused'],
    [refusal('busy'), false, 'unreachable', 'transfer.refusedOther'],
    [refusal('malformed'), true, 'unreachable', 'transfer.refusedOther'],
    [refusal('stopping'), true, 'unreachable', 'transfer.refusedOther'],
  ])('"%s" (was connected: %s) gives state %s and message %s', (error, wasConnected, state, key) => {
    const trouble = toConnectionTrouble(error, destination, wasConnected)
    expect(trouble).toMatchObject({ state, problem: { key, params: { address: '[::1]:7766', name: 'nas' } } })
    expect(englishWords(trouble.problem)).not.toContain('{{')
  })
})
