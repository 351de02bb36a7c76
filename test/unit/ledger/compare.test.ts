import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const facts = {
  size: 5,
  mtimeNs: 1_700_000_000_123_456_789n,
  ctimeNs: 1_700_000_001_123_456_789n,
  inode: 2n ** 64n - 3n,
  device: 1n,
}
const names = ['plain', 'with "quotes" and \\', 'two\nlines', '漢字 😀', 'a/b']

function setUp() {
  const ledger = openLedger(path.join(temporaryDirectory('compare'), 'ledger.db'))
  onTestFinished(() => ledger.close())
  ledger.offer(
    'there',
    names.map((name) => ({ source: 's', path: name, ...facts })),
  )
  const compare = (changes: Partial<typeof facts>, destination = 'there') => {
    const files = names.map((name) => ({ path: name, ...facts, ...changes }))
    return ledger.differing(destination, 's', files)
  }
  return { ledger, compare }
}

test('ledger comparison: known files with unchanged metadata do not differ, whatever their names', () => {
  expect(setUp().compare({})).toEqual([])
})

test.each([
  { size: 6 },
  { mtimeNs: facts.mtimeNs + 1n },
  { ctimeNs: facts.ctimeNs + 1n },
  { inode: 2n ** 64n - 4n },
])('ledger comparison: known files with changed %o differ', (change) => {
  expect(setUp().compare(change)).toEqual(names.map((_, index) => ({ index, known: true })))
})

test('ledger comparison: files are unknown at another destination, and an empty list has no differences', () => {
  const { ledger, compare } = setUp()
  expect(compare({}, 'elsewhere')).toEqual(names.map((_, index) => ({ index, known: false })))
  expect(ledger.differing('there', 's', [])).toEqual([])
})

test('ledger comparison: a new file among known ones is returned by its index', () => {
  const { ledger } = setUp()
  const files = [...names, 'new'].map((name) => ({ path: name, ...facts }))
  expect(ledger.differing('there', 's', files)).toEqual([{ index: 5, known: false }])
})
