import { describe, expect, test } from 'vitest'
import { applyPatch, shareUnchanged } from '../../../renderer/state/patch.ts'
import { emptyState } from './fake-state.ts'

describe('applyPatch', () => {
  const view = { revision: 4, state: emptyState() }

  test.each([
    { base: 4, revision: 5, kind: 'applied' },
    { base: 4, revision: 9, kind: 'applied' },
    { base: 5, revision: 6, kind: 'gap' },
    { base: 3, revision: 5, kind: 'gap' },
    { base: 3, revision: 4, kind: 'old' },
    { base: 1, revision: 2, kind: 'old' },
  ] as const)('base $base, revision $revision on revision 4: $kind', ({ base, revision, kind }) => {
    expect(applyPatch(view, { base, revision, changes: { rate: 3 } }).kind).toBe(kind)
  })

  test('a part that is undefined in a patch stays as it was', () => {
    const applied = applyPatch(view, { base: 4, revision: 5, changes: { rate: 3, sources: undefined } })
    expect(applied).toMatchObject({ kind: 'applied', snapshot: { state: { rate: 3, sources: [] } } })
  })
})

describe('shareUnchanged', () => {
  test.each([
    ['an item less', [1, 2], [1]],
    ['an item more', [1], [1, 2]],
    ['a key less', { a: 1, b: 2 }, { a: 1 }],
    ['a key more', { a: 1 }, { a: 1, b: undefined }],
    ['another key', { a: undefined }, { b: undefined }],
    ['a list for a record', { 0: 'a' }, ['a']],
    ['null for a record', { a: 1 }, null],
    ['a record for null', null, { a: 1 }],
    ['deep', { a: [{ b: 1 }] }, { a: [{ b: 2 }] }],
  ])('%s: the new value as it is', (_name, previous, next) => {
    const shared = shareUnchanged<unknown>(previous, next)
    expect(shared).toStrictEqual(next)
    expect(shared).not.toBe(previous)
  })

  test('an equal value is the old one', () => {
    const previous = { a: [{ b: 1, c: null }], d: 'x' }
    expect(shareUnchanged(previous, structuredClone(previous))).toBe(previous)
  })
})
