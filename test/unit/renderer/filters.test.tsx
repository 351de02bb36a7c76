import { afterEach, describe, expect, test, vi } from 'vitest'
import { message } from '../../../core/lib/i18n/message.ts'
import { sourceSchema } from '../../../core/settings/schema.ts'
import {
  type Draft,
  findChanges,
  keepDiffering,
  readDraft,
  toDraft,
} from '../../../renderer/features/filters/draft.ts'
import FiltersForm from '../../../renderer/features/filters/filters-form.tsx'
import { renderWords } from './rendered.tsx'

afterEach(() => void vi.unstubAllGlobals())

const source = (changes: Record<string, unknown> = {}) =>
  sourceSchema.parse({ id: 's', path: '/s', name: 's', ...changes })
const draft = (changes: Partial<Draft> = {}): Draft => ({ ...toDraft(source()), ...changes })

describe('filter form', () => {
  test.each([
    {},
    { ignore: ['*.log', '# a comment', 'cache/'], hidden: 'leave-out' },
    { minimumBytes: 0, maximumBytes: 3 * 1024 ** 3, minimumAgeSeconds: 7_200 },
    { minimumBytes: 1_500, minimumAgeSeconds: 90, temporary: 'send' },
  ])('saved filters are read back unchanged: %o', (changes) => {
    const settings = source(changes)
    const { ignore, hidden, temporary, oneFileSystem } = settings
    const { minimumBytes, maximumBytes, minimumAgeSeconds } = settings
    expect(readDraft(toDraft(settings))).toEqual({
      filters: { ignore, hidden, temporary, oneFileSystem, minimumBytes, maximumBytes, minimumAgeSeconds },
      problems: {},
    })
  })

  test('sizes and ages are shown in the largest unit that gives a whole number', () => {
    const { least, most, age } = toDraft(
      source({ minimumBytes: 1_500, maximumBytes: 3 * 1024 ** 3, minimumAgeSeconds: 7_200 }),
    )
    expect([least, most, age]).toEqual([
      { typed: '1500', unit: 1 },
      { typed: '3', unit: 1024 ** 3 },
      { typed: '2', unit: 3_600 },
    ])
  })

  test('empty lines are not patterns, and spaces around a pattern are kept', () => {
    expect(readDraft(draft({ patterns: '\n*.log\r\n  \n cache/ \n' })).filters?.ignore).toEqual([
      '*.log',
      ' cache/ ',
    ])
  })

  test.each([
    ['a size below zero', { least: { typed: '-1', unit: 1 } }, { least: 'window.filters.wrongSize' }],
    ['a size that is not a number', { most: { typed: '1e', unit: 1 } }, { most: 'window.filters.wrongSize' }],
    ['an age of 31 days', { age: { typed: '31', unit: 86_400 } }, { age: 'window.filters.wrongAge' }],
    [
      'a minimum above the maximum',
      { least: { typed: '2', unit: 1024 }, most: { typed: '2047', unit: 1 } },
      { most: 'window.filters.emptyRange' },
    ],
    [
      'a list of more than 1,000 patterns',
      { patterns: 'a\n'.repeat(1_001) },
      { patterns: message('window.filters.tooManyPatterns') },
    ],
    [
      'a pattern with an unclosed bracket',
      { patterns: '*.log\n*.[ch' },
      { patterns: message('refuse.unclosedPattern', { pattern: '*.[ch' }) },
    ],
  ])('%s is reported at its field, and no filters are read', (_what, changes, problems) => {
    expect(readDraft(draft(changes))).toEqual({ filters: null, problems })
  })

  test('a fraction of a unit is converted to whole bytes', () => {
    expect(readDraft(draft({ least: { typed: '1.5', unit: 1024 } })).filters?.minimumBytes).toBe(1_536)
  })

  test('only fields edited in the form are changed, even if others change elsewhere meanwhile', () => {
    const opened = toDraft(source({ minimumBytes: 5 }))
    const typed = keepDiffering(opened, { patterns: '*.log', least: opened.least, hidden: 'leave-out' })
    const since = source({ minimumBytes: 7, hidden: 'leave-out', priority: 'high' })
    const shown = { ...toDraft(since), ...typed }
    const { filters } = readDraft(shown)
    if (filters === null) throw new Error('nothing was read')
    expect(findChanges(since, { ...filters, priority: shown.priority })).toEqual({ ignore: ['*.log'] })
  })

  test('patterns of another tool are explained, with a button for the intended pattern', () => {
    const ignore = ['(?d)cache', '- *.o', '/s/x', '*.log']
    const words = renderWords(<FiltersForm settings={source({ ignore })} onDone={() => undefined} />)
    for (const instead of ['cache', '*.o', '/x']) expect(words).toContain(`Write ${instead} instead`)
    expect(words).toContain('The pattern - *.o is a rule of rsync.')
    expect(words).not.toContain('The pattern *.log')
    expect(words).toContain('Import from file')
  })

  test('Windows is mentioned only on Windows', () => {
    const words = () => renderWords(<FiltersForm settings={source()} onDone={() => undefined} />)
    expect(words()).not.toContain('Windows')
    vi.stubGlobal('navigator', { userAgent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)' })
    expect(words()).toContain('no effect on Windows')
  })
})
