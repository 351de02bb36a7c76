import { expect, test } from 'vitest'
import { file, open } from '../../support/store/ledger.ts'

const suspect = (path: string, suspicion: 'lost' | 'changed' = 'lost') => ({
  ...{ path, size: 10, mtimeNs: 1_700_000_000_123_456_789n, inode: 7n },
  suspicion,
})

test('suspects: files whose content differs from the sent one are known with what was sent', () => {
  const { ledger, take, send } = open()
  ledger.offer('d', [file('a'), file('b'), file('waiting')])
  send(take().filter(({ path }) => path !== 'waiting'))
  const changed = [file('a', { size: 0 }), file('b'), file('waiting', { size: 0 }), file('new')]
  expect(ledger.earlier('d', 's', changed)).toMatchObject([
    { path: 'a', size: 10, mtimeNs: 1_700_000_000_123_456_789n, inode: 7n },
  ])
  expect(ledger.earlier('d', 'other', changed)).toEqual([])
})

test('suspects: they are counted since a time, found by path, and forgotten one by one, by age or with their source', () => {
  const { ledger } = open()
  ledger.addSuspects('s', [suspect('b'), suspect('c', 'changed')], 1_000)
  ledger.addSuspects('s', [suspect('a')], 2_000)
  ledger.addSuspects('other', [suspect('z')], 2_000)
  expect(ledger.countSuspects('s', 0)).toEqual({ lost: 2, changed: 1 })
  expect(ledger.countSuspects('s', 2_000)).toEqual({ lost: 1, changed: 0 })
  expect(ledger.suspectPaths('s', 2)).toEqual(['a', 'b'])
  expect(ledger.suspected('s', ['c', 'b', 'none'])).toEqual([suspect('c', 'changed'), suspect('b')])
  // The later suspicion counts.
  ledger.addSuspects('s', [suspect('b', 'changed')], 3_000)
  expect(ledger.countSuspects('s', 3_000)).toEqual({ lost: 0, changed: 1 })
  ledger.removeSuspects('s', ['c'])
  ledger.forgetSuspects('s', 2_500)
  expect([ledger.suspectPaths('s', 10), ledger.suspectPaths('other', 10)]).toEqual([['b'], ['z']])
})

test('held source: changed files wait until a person releases them, and are due at once then', () => {
  const { ledger, take, send } = open()
  ledger.offer('d', [file('a'), file('b')])
  send(take())
  const held = { since: 5, lost: 2, changed: 0, known: 2 }
  expect(ledger.held('s')).toBeNull()
  ledger.addSuspects('s', [suspect('a'), suspect('b')], 1_000)
  ledger.hold('s', held)
  expect(ledger.held('s')).toEqual(held)
  ledger.offer('d', [file('a', { size: 0 }), file('b', { size: 0 }), file('new')])
  expect(take().map(({ path }) => path)).toEqual(['new'])
  ledger.release('s')
  expect([ledger.held('s'), ledger.suspectPaths('s', 10)]).toEqual([null, []])
  expect(
    take()
      .map(({ path }) => path)
      .sort(),
  ).toEqual(['a', 'b', 'new'])
})

test('suspects: a file whose content was found elsewhere is no suspect any more, and due at once', () => {
  const { ledger, take } = open()
  ledger.offer('d', [file('a'), file('b')], Date.now() + 3_600_000)
  expect(take()).toEqual([])
  ledger.addSuspects('s', [suspect('a'), suspect('b')], 1_000)
  ledger.clearSuspects('s', ['a'])
  expect(ledger.suspectPaths('s', 10)).toEqual(['b'])
  expect(take().map(({ path }) => path)).toEqual(['a'])
})
