import { describe, expect, test } from 'vitest'
import type { Ledger } from '../../../core/ledger/ledger.ts'
import { file, open } from '../../support/store/ledger.ts'

describe('several destinations of one source', () => {
  const digest = Buffer.alloc(32, 7)
  /** Marks the waiting files of a destination as sent. */
  const sendTo = (ledger: Ledger, destination: string, names?: readonly string[], as: Buffer = digest) => {
    const due = ledger.take(destination, 's', 100, Date.now(), new Set())
    const wanted = due.filter(({ path: name }) => names?.includes(name) ?? true)
    ledger.markSent(
      wanted.map((claim) => ({
        ...claim,
        mark: true,
        others: destination === 'd' ? ['e'] : ['d'],
        digest: as,
      })),
      1_000,
    )
    return wanted
  }
  const offerBoth = (ledger: Ledger, names: readonly string[]) => {
    for (const destination of ['d', 'e'])
      ledger.offer(
        destination,
        names.map((name) => file(name)),
      )
  }
  const owed = (ledger: Ledger, destination: string) =>
    ledger.dueMarks(destination, 's', 10).map(({ path: name }) => name)

  test('a mark is due when the last destination has the file, and only at that destination', () => {
    const { ledger } = open()
    offerBoth(ledger, ['a', 'b'])
    sendTo(ledger, 'd')
    expect(owed(ledger, 'd')).toEqual([])
    sendTo(ledger, 'e', ['a'])
    expect(owed(ledger, 'd')).toEqual([])
    expect(owed(ledger, 'e')).toEqual(['a'])
    ledger.marksDone(ledger.dueMarks('e', 's', 10))
    // For both of them: what is owed to none is no reason to keep the file.
    const removable = (destination: string) =>
      ledger.removable(destination, 's', 1_000, 10).files.map(({ path: name }) => name)
    expect([removable('d'), removable('e')]).toEqual([['a'], ['a']])
  })

  test('a mark that is set does not make the file wait again at any destination', () => {
    const { ledger } = open()
    offerBoth(ledger, ['a'])
    sendTo(ledger, 'd')
    sendTo(ledger, 'e')
    const marked = 1_800_000_000_000_000_000n
    ledger.marksDone(ledger.dueMarks('e', 's', 10).map((due) => ({ ...due, ctimeNs: marked })))
    for (const destination of ['d', 'e']) {
      expect(ledger.offer(destination, [file('a', { ctimeNs: marked })])).toBe(0)
      expect(ledger.offer(destination, [file('a', { ctimeNs: marked + 1n })])).toBe(1)
    }
  })

  test('a deferred mark is due when the other destination is given up', () => {
    const { ledger } = open()
    offerBoth(ledger, ['a', 'b'])
    sendTo(ledger, 'd')
    expect(owed(ledger, 'd')).toEqual([])
    sendTo(ledger, 'e', ['b'])
    ledger.offer('e', [file('b', { mtimeNs: 9n })])
    sendTo(ledger, 'e', ['b'])
    expect(owed(ledger, 'e')).toEqual([])
    expect(ledger.reviewMarks('d', 's', ['e'], 0, 10)).toBeNull()
    expect(owed(ledger, 'd')).toEqual([])
    expect(ledger.reviewMarks('d', 's', [], 0, 10)).toBeNull()
    expect(owed(ledger, 'd')).toEqual(['a', 'b'])
  })

  test('a removal begins only with a fresh proof of every other destination, and only at one of them', () => {
    const { ledger } = open()
    offerBoth(ledger, ['a', 'b'])
    const [atD, atE] = [sendTo(ledger, 'd'), sendTo(ledger, 'e', ['a'])]
    const fromD = { others: ['e'], since: 5_000, now: 6_000 }
    const fromE = { others: ['d'], since: 5_000, now: 6_500 }
    // Nothing of the other one is known yet; then its proof is too old.
    expect([...ledger.beginRemovals(atD, fromD)]).toEqual([])
    expect([...ledger.beginRemovals(atE, { ...fromE, since: 6_001 })]).toEqual([])
    const [a] = atE
    expect([...ledger.beginRemovals(atE, fromE)]).toEqual([a?.id])
    // One of them is at it.
    expect([...ledger.beginRemovals(atD, fromD)]).toEqual([])
    expect(ledger.begunRemovals('s', ['e'], 10)).toEqual([])
    expect(ledger.begunRemovals('s', [], 10)).toEqual([{ id: a?.id, path: 'a' }])
    ledger.endRemovals([{ id: a?.id ?? 0, end: 'removed' }], 7_000)
    const question = { source: 's', state: null, before: null, limit: 10 }
    const { files } = ledger.files(['d', 'e'], question)
    expect(files.map((one) => [one.path, one.destination, one.removedAt])).toEqual([
      ['b', 'e', null],
      ['a', 'e', 7_000],
      ['b', 'd', null],
      ['a', 'd', 7_000],
    ])
  })

  test('a removal does not begin if the other destination has other bytes or received the content again', () => {
    const { ledger } = open()
    offerBoth(ledger, ['a'])
    const [atD, atE] = [sendTo(ledger, 'd'), ledger.take('e', 's', 10, Date.now(), new Set())]
    ledger.markSent(
      atE.map((claim) => ({ ...claim, mark: false, digest: Buffer.alloc(32, 8) })),
      1_000,
    )
    ledger.beginRemovals(atE, { others: ['d'], since: 5_000, now: 6_000 })
    expect([...ledger.beginRemovals(atD, { others: ['e'], since: 5_000, now: 6_000 })]).toEqual([])
    ledger.offer('e', [file('a', { mtimeNs: 5n })])
    ledger.offer('e', [file('a')])
    sendTo(ledger, 'e')
    expect([...ledger.beginRemovals(atD, { others: ['e'], since: 5_000, now: 6_000 })]).toEqual([])
  })
})
