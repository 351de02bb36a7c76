import { expect, test } from 'vitest'
import { file, open } from '../../support/store/ledger.ts'

const NOW = 1_700_000_000_000

/** Sends files named `names`, each with its own inode. */
function sent(names: readonly string[]) {
  const opened = open()
  const files = names.map((name, index) => file(name, { inode: BigInt(100 + index) }))
  opened.ledger.offer('d', files)
  opened.ledger.markSent(
    opened.take().map((claim) => ({ ...claim, mark: false, digest: Buffer.alloc(32, 7), position: 1 })),
    NOW,
  )
  const totals = () => opened.ledger.totals('d').s
  return { ...opened, files, totals }
}

test('deleted files: they leave the sum of the sent files, and are counted and listed as deleted', () => {
  const { ledger, totals } = sent(['a', 'b', 'sub/c'])
  expect(ledger.markGone('d', 's', ['a', 'sub/c', 'never'], NOW)).toBe(2)
  expect(ledger.markGone('d', 's', ['a'], NOW)).toBe(0)
  expect(totals()).toMatchObject({ sentFiles: 1, sentBytes: 10, deletedFiles: 2, deletedBytes: 20 })
  expect(ledger.countDeleted('d', 's', NOW)).toBe(2)
  expect(ledger.countDeleted('d', 's', NOW + 1)).toBe(0)
  const { files } = ledger.files(['d'], { source: 's', state: 'sent', before: null, limit: 10 })
  expect(files.filter(({ isDeleted }) => isDeleted).map(({ path }) => path)).toEqual(['sub/c', 'a'])
  expect(files.map(({ removedAt }) => removedAt)).toEqual([null, null, null])
  for (let after: string | null = ''; after !== null; ) after = ledger.requeue('d', 'new', 's', after, 2)
  expect(ledger.totals('new').s).toMatchObject({ waitingFiles: 1, deletedFiles: 0 })
})

test('deleted files: those that wait leave the queue, and one counts whose earlier content was sent', () => {
  const { ledger, take, totals } = sent(['a', 'b', 'lost'])
  ledger.offer('d', [file('a', { inode: 100n, size: 11 }), file('never', { inode: 9n })])
  ledger.offerAgain('d', [['s', 'lost']])
  const [claim = expect.fail()] = take().filter(({ path }) => path === 'a')
  expect(ledger.isPresent('d', 's', 'a')).toBe(true)
  expect(ledger.markGone('d', 's', ['a', 'never', 'lost'], NOW)).toBe(3)
  expect(totals()).toMatchObject({ waitingFiles: 0, sentFiles: 1, deletedFiles: 1 })
  expect(ledger.countDeleted('d', 's', NOW)).toBe(1)
  expect(ledger.sentFile('d', 's', 'a')).toBeNull()
  // The sender was reading the file when it was deleted.
  ledger.drop(claim)
  expect(totals()).toMatchObject({ deletedFiles: 1 })
  expect(ledger.offer('d', [file('a', { inode: 100n, size: 11 })])).toBe(1)
  expect(totals()).toMatchObject({ waitingFiles: 1, deletedFiles: 0 })
})

test('present paths: those of a range that are at the source, in their order', () => {
  const { ledger } = sent(['a/1', 'a/2', 'a.txt', 'a0', 'b'])
  ledger.markGone('d', 's', ['a/2'], NOW)
  ledger.offer('d', [file('c', { inode: 9n })])
  const all = ['', '\u{10FFFF}'] as const
  expect(ledger.presentPaths('d', 's', all, 10)).toEqual(['a.txt', 'a/1', 'a0', 'b', 'c'])
  expect(ledger.presentPaths('d', 's', all, 2)).toEqual(['a.txt', 'a/1'])
  expect(ledger.presentPaths('d', 's', ['a0', 'b'], 10)).toEqual(['a0'])
  const present = (path: string) => ledger.isPresent('d', 's', path)
  expect([present('a'), present('a/1'), present('a/2'), present('a.tx'), present('b')]).toEqual([
    ...[true, true, false, false, true],
  ])
})

test('deleted files: one that is back unchanged waits again, and its content is known to be there', () => {
  const { ledger, files, take, totals } = sent(['a', 'b'])
  ledger.markGone('d', 's', ['a', 'b'], NOW)
  expect(ledger.differing('d', 's', files)).toMatchObject([{ known: true }, { known: true }])
  expect(ledger.offer('d', files)).toBe(2)
  expect(take()).toMatchObject([
    { path: 'a', isTrusted: true },
    { path: 'b', isTrusted: true },
  ])
  expect(totals()).toMatchObject({ waitingFiles: 2, sentFiles: 0, deletedFiles: 0 })
  expect(ledger.countDeleted('d', 's', 0)).toBe(0)
})

test('restored files: the digest is kept with a new inode and the same second, and not with another time or size', () => {
  const { ledger, files, take } = sent(['same', 'same second', 'other time', 'other size'])
  const [same = expect.fail(), second = expect.fail(), time = expect.fail(), size = expect.fail()] = files
  const back = { inode: 999n, ctimeNs: same.ctimeNs + 5n }
  ledger.markGone(
    'd',
    's',
    files.map(({ path }) => path),
    NOW,
  )
  ledger.offer('d', [
    { ...same, ...back },
    { ...second, ...back, mtimeNs: second.mtimeNs - (second.mtimeNs % 1_000_000_000n) },
    { ...time, ...back, mtimeNs: time.mtimeNs + 1_000_000_000n },
    { ...size, ...back, size: 11 },
  ])
  const digests = Object.fromEntries(take().map(({ path, digest }) => [path, digest !== null]))
  expect(digests).toEqual({ same: true, 'same second': true, 'other time': false, 'other size': false })
})

test('renamed files: a name whose content has another sent name is not deleted, and one that waits changes nothing', () => {
  const { ledger, files, take, totals } = sent(['a', 'b'])
  const [a = expect.fail(), b = expect.fail()] = files
  ledger.offer('d', [{ ...a, path: 'new a', ctimeNs: a.ctimeNs + 1n }])
  expect(ledger.markGone('d', 's', ['a'], NOW)).toBe(0)
  ledger.markSent(
    take().map((claim) => ({ ...claim, mark: false })),
    NOW,
  )
  expect(ledger.markGone('d', 's', ['a'], NOW)).toBe(1)
  expect(totals()).toMatchObject({ sentFiles: 2, deletedFiles: 0 })
  // The other name is found after the deletion.
  ledger.markGone('d', 's', ['b'], NOW)
  expect(ledger.countDeleted('d', 's', 0)).toBe(1)
  ledger.offer('d', [{ ...b, path: 'new b', ctimeNs: b.ctimeNs + 1n }])
  expect(ledger.countDeleted('d', 's', 0)).toBe(0)
  expect(ledger.correctRenamed('d', 's', 0)).toBe(0)
  ledger.markSent(
    take().map((claim) => ({ ...claim, mark: false })),
    NOW,
  )
  expect(ledger.correctRenamed('d', 's', 0)).toBe(1)
  expect(totals()).toMatchObject({ sentFiles: 2, deletedFiles: 0 })
})

test('hard links: both names of a content are deleted if both are gone', () => {
  const { ledger, take, totals } = sent([])
  ledger.offer('d', [file('a', { inode: 5n }), file('b', { inode: 5n })])
  ledger.markSent(
    take().map((claim) => ({ ...claim, mark: false })),
    NOW,
  )
  ledger.markGone('d', 's', ['a', 'b'], NOW)
  expect(totals()).toMatchObject({ sentFiles: 0, deletedFiles: 2 })
})

test('moved content: a deleted name that the destination was notified of is no longer deleted', () => {
  const { ledger, take, totals } = sent(['a'])
  const { files } = ledger.files(['d'], { source: 's', state: 'sent', before: null, limit: 10 })
  ledger.markGone('d', 's', ['a'], NOW)
  ledger.offer('d', [file('b', { inode: 500n })])
  const moved = files.map(({ id, source, path }) => ({ id, source, path }))
  ledger.markSent(
    take().map((claim) => ({ ...claim, mark: false, digest: Buffer.alloc(32, 7), moved })),
    NOW,
  )
  expect(ledger.countDeleted('d', 's', 0)).toBe(0)
  expect(totals()).toMatchObject({ sentFiles: 1, deletedFiles: 0 })
})

test('removal by Holdfast: its files are counted apart, and never as deleted', () => {
  const { ledger, files, take, totals } = sent(['a', 'b'])
  ledger.offer('e', files)
  ledger.markSent(
    ledger.take('e', 's', 10, Date.now(), new Set()).map((claim) => ({ ...claim, mark: false })),
    NOW,
  )
  const due = ledger.removable('d', 's', NOW, 10).files
  ledger.beginRemovals(due, { others: [], since: 0, now: NOW })
  for (const destination of ['d', 'e']) expect(ledger.markGone(destination, 's', ['a', 'b'], NOW)).toBe(0)
  ledger.endRemovals(
    due.map(({ id }) => ({ id, end: 'removed' })),
    NOW,
  )
  expect(totals()).toMatchObject({ sentFiles: 0, removedFiles: 2, removedBytes: 20, deletedFiles: 0 })
  expect(ledger.totals('e').s).toMatchObject({ sentFiles: 0, removedFiles: 2, deletedFiles: 0 })
  expect(take()).toEqual([])
})
