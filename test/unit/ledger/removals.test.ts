import { expect, test } from 'vitest'
import type { RowPlace } from '../../../core/ledger/ledger.ts'
import { file, open } from '../../support/store/ledger.ts'

/** Files of the source "s" that "d" has, with a digest. */
function sent(names: readonly string[], at = 1_000) {
  const opened = open()
  const { ledger } = opened
  ledger.offer(
    'd',
    names.map((name, index) => file(name, { inode: BigInt(index + 1) })),
  )
  const due = ledger.take('d', 's', names.length, Date.now(), new Set())
  const digest = Buffer.alloc(32, 7)
  ledger.markSent(
    due.map((claim) => ({ ...claim, mark: false, digest })),
    at,
  )
  return { ...opened, due }
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `f${index}`)

test('removable files: tens of thousands of removed and absent files are skipped', () => {
  const { ledger, due } = sent(numbered(30_000))
  const left = due.filter((_, index) => index % 10_000 === 9_999).map(({ id }) => id)
  const ends = due.filter(({ id }) => !left.includes(id))
  ledger.endRemovals(
    ends.map(({ id }, index) => ({ id, end: index % 2 === 0 ? 'removed' : 'absent' })),
    2_000,
  )
  const first = ledger.removable('d', 's', 3_000, 2)
  expect(first.files.map(({ id }) => id)).toEqual(left.slice(0, 2))
  const second = ledger.removable('d', 's', 3_000, 2, first.last ?? undefined)
  expect(second).toMatchObject({ files: [{ id: left[2] }], last: null })
})

test('removable files: pages of up to 7,000 of 30,000 files have no gaps and no repeats', () => {
  const { ledger, due } = sent(numbered(30_000))
  const seen: number[] = []
  for (let after: RowPlace | undefined, isOver = false; !isOver; ) {
    const page = ledger.removable('d', 's', 3_000, 7_000, after)
    seen.push(...page.files.map(({ id }) => id))
    after = page.last ?? undefined
    isOver = page.last === null
  }
  expect(seen).toEqual(due.map(({ id }) => id))
})

test('removable files: files that were sent too late, wait for a mark or have no digest are excluded', () => {
  const { ledger, take, send } = sent(['early'])
  ledger.offer('d', [file('late'), file('marked')])
  const [late, marked] = take()
  if (late === undefined || marked === undefined) throw new Error('nothing due')
  const digest = Buffer.alloc(32, 7)
  ledger.markSent([{ ...late, mark: false, digest }], 3_001)
  ledger.markSent([{ ...marked, mark: true, digest }], 1_000)
  // Sent without a digest: nobody can tell whether it is that content still.
  ledger.offer('d', [file('unknown')])
  send(take())
  const names = (sentBefore: number) =>
    ledger.removable('d', 's', sentBefore, 10).files.map(({ path }) => path)
  expect(names(3_000)).toEqual(['early'])
  expect(names(9_000)).toEqual(['early', 'late'])
})

test('removed files: a new destination gets no file that was removed, unless its name has a new file', () => {
  const { ledger, take, due } = sent(['removed', 'absent', 'again', 'begun', 'stays', 'left out'])
  const [removed, absent, again, begun] = due
  if (removed === undefined || absent === undefined || again === undefined || begun === undefined)
    throw new Error('nothing was sent')
  ledger.beginRemovals([removed, absent, again, begun], { others: [], since: 0, now: 2_000 })
  ledger.endRemovals(
    [
      { id: removed.id, end: 'removed' },
      { id: absent.id, end: 'absent' },
      { id: again.id, end: 'removed' },
    ],
    2_000,
  )
  ledger.offer('d', [file('again', { size: 11 }), file('left out', { size: 12 })])
  ledger.withdraw('d', 's', ['left out'])
  ledger.markSent(
    take().map((claim) => ({ ...claim, mark: false })),
    3_000,
  )
  for (let after: string | null = ''; after !== null; ) after = ledger.requeue('d', 'new', 's', after, 2)
  const offered = ledger.take('new', 's', 10, Date.now(), new Set())
  expect(offered.map(({ path }) => path).sort()).toEqual(['again', 'begun', 'stays'])
})

test('begun removals: a removal stays known when its name gets a new file and its source is forgotten', () => {
  const { ledger, take, due } = sent(['f'])
  const [begun = expect.fail('nothing was sent')] = due
  ledger.beginRemovals([begun], { others: [], since: 0, now: 2_000 })
  const known = [{ id: begun.id, path: 'f' }]
  ledger.offer('d', [file('f', { size: 7 })])
  const [again = expect.fail('it was not offered again')] = take()
  ledger.drop(again)
  expect(ledger.begunRemovals('s', [], 5)).toEqual(known)
  expect(ledger.totals('d').s).toMatchObject({ waitingFiles: 0, sentFiles: 0 })
  expect(ledger.forgetSource('s', 10)).toBe(0)
  expect(ledger.begunRemovals('s', [], 5)).toEqual(known)
  ledger.endRemovals([{ id: begun.id, end: 'stays' }], 3_000)
  expect(ledger.forgetSource('s', 10)).toBe(1)
  expect(ledger.destinations()).toEqual([])
})

test('begun removals: the end of a removal has no effect on a new file of the same name', () => {
  const { ledger, due } = sent(['f'])
  const [begun = expect.fail('nothing was sent')] = due
  ledger.beginRemovals([begun], { others: [], since: 0, now: 2_000 })
  for (const destination of ['d', 'other']) ledger.offer(destination, [file('f', { size: 7 })])
  ledger.endRemovals([{ id: begun.id, end: 'removed' }], 3_000)
  for (const destination of ['d', 'other']) {
    const [again = expect.fail('it was not offered again')] = ledger.take(
      destination,
      's',
      1,
      Date.now(),
      new Set(),
    )
    ledger.markSent([{ ...again, mark: false, digest: Buffer.alloc(32, 8) }], 4_000)
    expect(ledger.removable(destination, 's', 5_000, 10).files.map(({ path }) => path)).toEqual(['f'])
  }
})
