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
  ] as const)(
    'a patch from revision $base to $revision on revision 4 gives "$kind"',
    ({ base, revision, kind }) => {
      expect(applyPatch(view, { base, revision, changes: { rate: 3 } }).kind).toBe(kind)
    },
  )

  test('an undefined part of a patch leaves the state unchanged', () => {
    const applied = applyPatch(view, { base: 4, revision: 5, changes: { rate: 3, sources: undefined } })
    expect(applied).toMatchObject({ kind: 'applied', snapshot: { state: { rate: 3, sources: [] } } })
  })
})

describe('shareUnchanged', () => {
  test.each([
    ['a removed item', [1, 2], [1]],
    ['an added item', [1], [1, 2]],
    ['a removed key', { a: 1, b: 2 }, { a: 1 }],
    ['an added key', { a: 1 }, { a: 1, b: undefined }],
    ['a different key', { a: undefined }, { b: undefined }],
    ['a list in place of a record', { 0: 'a' }, ['a']],
    ['null in place of a record', { a: 1 }, null],
    ['a record in place of null', null, { a: 1 }],
    ['a deep change', { a: [{ b: 1 }] }, { a: [{ b: 2 }] }],
  ])('%s returns the new value', (_name, previous, next) => {
    const shared = shareUnchanged<unknown>(previous, next)
    expect(shared).toStrictEqual(next)
    expect(shared).not.toBe(previous)
  })

  test('an equal value returns the old object', () => {
    const previous = { a: [{ b: 1, c: null }], d: 'x' }
    expect(shareUnchanged(previous, structuredClone(previous))).toBe(previous)
  })
})
