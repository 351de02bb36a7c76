import { expect, test } from 'vitest'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import {
  type Comparison,
  countCompared,
  describeComparison,
} from '../../../renderer/features/overview/describe-comparison.ts'

const running: Comparison = {
  ...{ phase: 'running', source: 's', destination: 'd', file: '/lists/sums.txt', sentence: null },
  ...{ files: 12, bytes: 0, totalFiles: 40, damaged: 1, missing: 0, unreadable: 0, differences: [] },
}
const read = (comparison: Comparison) => [
  englishWords(describeComparison(comparison, 'nas')),
  countCompared(comparison)
    .map((one) => englishWords(one))
    .join(' · '),
]

test('comparison with a list: its title names list and destination, its figures count every result', () => {
  expect(read(running)).toEqual([
    'Checking the files at nas against sums.txt',
    '12 of 40 files · 1 different · 0 missing',
  ])
  expect(read({ ...running, totalFiles: null })[1]).toBe('The list is being read…')
  const done: Comparison = { ...running, phase: 'done', files: 40 }
  expect(read({ ...done, missing: 2, unreadable: 3 })).toEqual([
    'The files at nas differ from sums.txt',
    '34 the same · 1 different · 2 missing · 3 unreadable',
  ])
  expect(read({ ...done, damaged: 0 })).toEqual([
    'All 40 files of sums.txt are at nas as listed',
    '40 the same · 0 different · 0 missing',
  ])
  expect(read({ ...done, damaged: 0, file: 'C:\\lists\\sums.txt' })[0]).toContain(' sums.txt ')
  expect(read({ ...running, phase: 'stopped' })[1]).toBe('12 of 40 files · 1 different · 0 missing')
  expect(read({ ...running, phase: 'failed' })).toEqual([
    'The files at nas could not be checked against sums.txt',
    '',
  ])
})
