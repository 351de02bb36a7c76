// @module-tag timeless
import { describe, expect, test } from 'vitest'
import { createNameFilter } from '../../../core/filter/exclusion-rules.ts'
import { findOddPatterns } from '../../../core/settings/patterns.ts'
import { gitIgnores } from '../../support/scan/git-ignores.ts'

const ROOT = '/home/ann/data'

describe('odd patterns', () => {
  test.each([
    { pattern: '(?d)cache', kind: 'syncthing', instead: ['cache'], meant: 'cache/x' },
    { pattern: '!(?d)keep', kind: 'syncthing', instead: ['!keep'], meant: null },
    {
      pattern: '(?i)Thumbs.db',
      kind: 'syncthing',
      instead: ['[tT][hH][uU][mM][bB][sS].[dD][bB]'],
      meant: 'a/THUMBS.DB',
    },
    { pattern: '#include other', kind: 'include', instead: null, meant: null },
    { pattern: 'merge /etc/rules', kind: 'include', instead: null, meant: null },
    { pattern: 'dir-merge .rsync-filter', kind: 'include', instead: null, meant: null },
    { pattern: '# x', kind: 'comment', instead: ['\\# x'], meant: '# x' },
    { pattern: '// x', kind: 'otherComment', instead: [], meant: null },
    { pattern: '- *.o', kind: 'rsync', instead: ['*.o'], meant: 'deep/a.o' },
    { pattern: '+ x', kind: 'rsync', instead: ['!x'], meant: null },
    { pattern: '/home/ann/data/cache', kind: 'absolute', instead: ['/cache'], meant: 'cache/x' },
    { pattern: '!/home/ann/data/x', kind: 'absolute', instead: ['!/x'], meant: null },
    { pattern: '~/data/cache', kind: 'absolute', instead: ['/cache'], meant: 'cache/x' },
    { pattern: '~/Downloads', kind: 'outside', instead: null, meant: null },
    { pattern: '/home/bob/x', kind: 'outside', instead: null, meant: null },
    { pattern: 'C:\\Users\\ann\\x', kind: 'outside', instead: null, meant: null },
    { pattern: 'cache\\old', kind: 'backslash', instead: ['cache/old'], meant: 'cache/old/x' },
    { pattern: 'cache\\', kind: 'backslash', instead: ['cache/'], meant: 'cache/x' },
    { pattern: './cache', kind: 'nothing', instead: ['/cache'], meant: 'cache/x' },
    { pattern: '../other', kind: 'nothing', instead: null, meant: null },
    { pattern: 'a//b', kind: 'nothing', instead: ['a/b'], meant: 'a/b' },
    { pattern: '/', kind: 'nothing', instead: [], meant: null },
    { pattern: '"*.log"', kind: 'quoted', instead: ['*.log'], meant: 'a.log' },
    { pattern: ' cache/', kind: 'space', instead: ['cache/'], meant: 'cache/x' },
    { pattern: '*.{jpg,png}', kind: 'braces', instead: ['*.jpg', '*.png'], meant: 'a.png' },
    { pattern: '*.jpg, *.png', kind: 'list', instead: ['*.jpg', '*.png'], meant: 'a.png' },
  ])('$pattern is reported as $kind, with the suggestion $instead', ({ pattern, kind, instead, meant }) => {
    const [odd, ...others] = findOddPatterns(['*.kept', pattern], ROOT)
    expect(odd).toMatchObject({ pattern, instead, sentence: { key: `filter.odd.${kind}` } })
    expect(others).toEqual([])
    expect(findOddPatterns(['*.kept', ...(instead ?? [])], ROOT)).toEqual([])
    if (meant === null) return
    // git and Holdfast agree that the pattern misses what was meant, and that the other one does not.
    expect([
      gitIgnores([pattern], [meant]),
      createNameFilter({ ignore: [pattern], marks: [] }).fileBelow(meant),
    ]).toEqual([[], null])
    const better = instead ?? []
    expect(gitIgnores(better, [meant])).toEqual([meant])
    expect(createNameFilter({ ignore: better, marks: [] }).fileBelow(meant)).toBe('ignored')
  })

  test('an exception before the pattern that it excepts from is reported as ineffective', () => {
    expect(findOddPatterns(['!keep.log', '*.log'], ROOT)).toMatchObject([
      { pattern: '!keep.log', instead: null, sentence: { key: 'filter.odd.exceptionFirst' } },
    ])
    expect(gitIgnores(['!keep.log', '*.log'], ['keep.log'])).toEqual(['keep.log'])
  })

  test.each([
    ['*.log'],
    ['cache/', '!cache'],
    ['/top.txt', 'a/**/b', '**/x', 'x/**'],
    ['\\#x', '\\!x', 'a\\ ', '\\*', '\\[x\\]', 'a\\\\b'],
    ['*.[ch]', '[!a]', '-x', '+x', '- ', '~x', '*~', 'merge.txt', '.', '..x', '...'].filter(
      (one) => one !== '.',
    ),
    ['/tmp/', '/data/cache', '/run', 'a,b', 'x{1}', 'some file', "o'brien", '(draft)'],
  ])('ordinary patterns are not reported: %j', (...patterns) => {
    expect(findOddPatterns(['*.kept', ...patterns], ROOT)).toEqual([])
  })
})
