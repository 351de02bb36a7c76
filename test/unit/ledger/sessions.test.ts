import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { openLedger, type SentClaim } from '../../../core/ledger/ledger.ts'
import { file, open } from '../../support/store/ledger.ts'

const memory = { epoch: 'a1', position: 3, last: null, next: 'b2' }
const digest = Buffer.alloc(32, 7)

/** A ledger whose files "d" has stored, each by the position that is given here. */
function storedBy(positions: Record<string, number>) {
  const opened = open()
  const { ledger, take } = opened
  ledger.offer(
    'd',
    Object.keys(positions).map((name) => file(name)),
  )
  ledger.markSent(
    take().map(
      (claim): SentClaim => ({ ...claim, mark: false, digest, position: positions[claim.path] ?? 0 }),
    ),
    5_000,
  )
  const waiting = () =>
    take()
      .map((due) => due.path)
      .sort()
  return { ...opened, waiting }
}

describe('ledger sessions', () => {
  test('a session of each destination is kept over a restart, and its position only increases', () => {
    const { directory, ledger, take } = open()
    const stored = (name: string, position: number) => {
      ledger.offer('d', [file(name)])
      ledger.markSent(
        take().map((claim) => ({ ...claim, mark: false, position })),
        5_000,
      )
    }
    expect(ledger.session('d')).toBeNull()
    stored('a', 9)
    expect(ledger.session('d')).toBeNull()
    ledger.rememberSession('d', memory)
    ledger.rememberSession('e', { ...memory, epoch: 'e1' })
    stored('b', 5)
    stored('c', 4)
    const again = openLedger(path.join(directory, 'ledger.db'))
    expect(again.session('d')).toEqual({ ...memory, position: 5 })
    expect(again.session('e')).toEqual({ ...memory, epoch: 'e1' })
    again.close()
  })
})

describe('destination set back to an earlier state', () => {
  test('files stored since that state are offered again in chunks, with their digests', () => {
    const { ledger, take, waiting } = storedBy({ a: 1, b: 2, c: 3, d: 4 })
    expect(ledger.offerAgainSince('d', 4, 10)).toBe(0)
    expect(ledger.offerAgainSince('d', 1, 2)).toBe(2)
    expect(ledger.offerAgainSince('d', 1, 2)).toBe(1)
    expect(ledger.offerAgainSince('d', 1, 2)).toBe(0)
    expect(waiting()).toEqual(['b', 'c', 'd'])
    expect(take().map((due) => due.digest)).toEqual([digest, digest, digest])
  })

  test('files of another destination stay sent', () => {
    const { ledger } = storedBy({ a: 2 })
    for (let after: string | null = ''; after !== null; ) after = ledger.requeue('d', 'e', 's', after, 10)
    const claims = ledger.take('e', 's', 10, Date.now(), new Set())
    ledger.markSent(
      claims.map((claim) => ({ ...claim, mark: false, position: 2 })),
      5_000,
    )
    expect(ledger.offerAgainSince('e', 1, 10)).toBe(1)
    expect(ledger.totals('d').s).toMatchObject({ sentFiles: 1, waitingFiles: 0 })
  })

  test('an answer from before the loss is ignored', () => {
    const { ledger, take, waiting } = storedBy({ a: 2 })
    ledger.offer('d', [file('b', { inode: 8n })])
    const [b] = take()
    if (b === undefined) throw new Error('nothing due')
    ledger.markSent([{ ...b, mark: false, position: 3 }], 5_000)
    ledger.offerAgainSince('d', 1, 10)
    expect(ledger.markSent([{ ...b, mark: false, position: 3 }], 6_000).size).toBe(0)
    expect(waiting()).toEqual(['a', 'b'])
    ledger.markSent(
      take().map((claim) => ({ ...claim, mark: false, digest, position: 2 })),
      7_000,
    )
    expect(ledger.offerAgainSince('d', 2, 10)).toBe(0)
    expect(ledger.offerAgainSince('d', 1, 10)).toBe(2)
  })

  test('a new name of a file stored since that state is offered again, too', () => {
    const { ledger, waiting } = storedBy({ a: 2 })
    ledger.adoptRenamed('d', 's', file('renamed'))
    ledger.offerAgainSince('d', 2, 10)
    expect(waiting()).toEqual([])
    ledger.offerAgainSince('d', 1, 10)
    expect(waiting()).toEqual(['a', 'renamed'])
  })

  test('files removed at the source meanwhile are counted and not offered again', () => {
    const { ledger, waiting } = storedBy({ early: 1, removed: 2, absent: 2, stays: 2 })
    const removal = { early: 'removed', removed: 'removed', absent: 'absent' } as const
    const { files } = ledger.files(['d'], { source: null, state: 'sent', before: null, limit: 10 })
    const ends = files.flatMap(({ id, path: name }) =>
      name in removal ? [{ id, end: removal[name as keyof typeof removal] }] : [],
    )
    ledger.endRemovals(ends, 6_000)
    expect(ledger.removedSince('d', 1)).toBe(2)
    expect(ledger.removedSince('d', -1)).toBe(3)
    expect(ledger.removedSince('e', -1)).toBe(0)
    expect(ledger.offerAgainSince('d', -1, 10)).toBe(1)
    expect(waiting()).toEqual(['stays'])
  })
})

test('resend requests: requested files wait again, except removed and unknown ones', () => {
  const { ledger, waiting } = storedBy({ wanted: 1, removed: 1, stays: 1 })
  const { files } = ledger.files(['d'], { source: null, state: 'sent', before: null, limit: 10 })
  const removed = files.find(({ path: name }) => name === 'removed')
  ledger.endRemovals([{ id: removed?.id ?? 0, end: 'removed' }], 6_000)
  const asked = ['wanted', 'removed', 'never'].map((name) => ['s', name] as const)
  expect(ledger.offerAgain('d', [...asked, ['other', 'wanted']])).toBe(1)
  expect(ledger.offerAgain('d', asked)).toBe(0)
  expect(waiting()).toEqual(['wanted'])
})

test('sent files: a file that waits to be resent or was dropped is listed; a changed and dropped one is not', () => {
  const { ledger, take, waiting } = storedBy({ again: 1, changed: 1, gone: 1 })
  const asked = ['again', 'gone'].map((name) => ['s', name] as const)
  expect(ledger.offerAgain('d', asked)).toBe(2)
  ledger.offer('d', [file('changed', { size: 11 })])
  for (const due of take()) if (due.path !== 'again') ledger.drop(due)
  expect(waiting()).toEqual(['again'])
  expect(ledger.sentFiles('d', 's', '', 9)).toMatchObject([
    { path: 'again', size: 10 },
    { path: 'gone', size: 10 },
  ])
  expect(ledger.sentSums('d')).toEqual([{ source: 's', files: 2, bytes: 20 }])
})
