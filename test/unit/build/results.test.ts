import { expect, test } from 'vitest'
import {
  closingLine,
  exitCode,
  isCi,
  playwrightCounts,
  stageCounts,
  sum,
  vitestCounts,
} from '../../../build/test/results.mjs'

type Report = NonNullable<Parameters<typeof vitestCounts>[0]>
const vitestReport = (...files: NonNullable<Report['testResults']>): Report => ({
  success: true,
  testResults: files,
})
const file = (status: string, ...statuses: string[]) => ({
  status,
  assertionResults: statuses.map((one, index) => ({
    status: one,
    title: `t${index}`,
    ancestorTitles: ['suite'],
  })),
})

test.each([
  ['tests of each kind are counted', vitestReport(file('passed', 'passed', 'skipped', 'todo')), 0, 1, 0, 2],
  ['a failing test is counted', vitestReport(file('failed', 'passed', 'failed')), 1, 1, 1, 0],
  [
    'a file that cannot be loaded is a failure',
    vitestReport(file('failed'), file('passed', 'passed')),
    1,
    1,
    1,
    0,
  ],
  [
    'an error outside of a test is a failure',
    { success: false, testResults: [file('passed', 'passed')] },
    1,
    1,
    1,
    0,
  ],
  ['a crash after the report is a failure', vitestReport(file('passed', 'passed')), 139, 1, 1, 0],
  ['a missing report is a failure', null, 0, 0, 1, 0],
])('vitest results: %s', (_, report, status, passed, failed, skipped) => {
  const counts = vitestCounts(report, status)
  expect([counts.passed, counts.failed.length, counts.skipped.length]).toEqual([passed, failed, skipped])
})

test('vitest results: a test that passed at its second attempt is named', () => {
  const assertionResults = [{ status: 'passed', title: 't', ancestorTitles: ['s'], failureMessages: ['no'] }]
  const counts = vitestCounts(vitestReport({ status: 'passed', assertionResults }), 0)
  expect(counts).toEqual({ passed: 1, failed: [], skipped: [], retried: ['s > t'] })
})

test('vitest results: an error outside of every test is named with the test that ran', () => {
  const errors = ['during a.test.ts > t\nError: gone\n    at a']
  const counts = vitestCounts(vitestReport(file('passed', 'passed')), 1, errors)
  expect(counts.failed).toEqual([
    'an error outside of a test\n  during a.test.ts > t\n  Error: gone\n      at a',
  ])
})

test('vitest results: a failure is named with the beginning of its message, without colours', () => {
  const failureMessages = [`\x1b[31mError: not 2\x1b[39m\n    at a\n${'    at b\n'.repeat(40)}`]
  const assertionResults = [{ status: 'failed', title: 't', ancestorTitles: ['s'], failureMessages }]
  const [failure] = vitestCounts(vitestReport({ status: 'failed', assertionResults }), 1).failed
  expect(failure).toMatch(/^s > t\n {2}Error: not 2\n {6}at a\n/)
  expect(failure?.split('\n')).toHaveLength(13)
})

const spec = (status: string) => ({ title: status, tests: [{ status }] })

test.each([
  [
    'nested tests of each kind are counted',
    {
      suites: [
        { title: 'file', specs: [spec('expected')], suites: [{ title: 'inner', specs: [spec('skipped')] }] },
      ],
    },
    0,
    1,
    0,
    ['file > inner > skipped'],
  ],
  [
    'a failing test is counted',
    { suites: [{ title: 'f', specs: [spec('unexpected'), spec('expected')] }] },
    1,
    1,
    1,
    [],
  ],
  ['a run without tests is a failure', { suites: [], errors: [{ message: 'No tests found' }] }, 1, 0, 1, []],
  ['a desktop that did not start is a failure', null, 1, 0, 1, []],
])('playwright results: %s', (_, report, status, passed, failed, skipped) => {
  const counts = playwrightCounts(report, status)
  expect({ ...counts, failed: counts.failed.length }).toEqual({ passed, failed, skipped, retried: [] })
})

test('playwright results: a skipped test is named with its reason', () => {
  const annotations = [{ type: 'skip', description: 'mounting needs root' }]
  const report = {
    suites: [{ title: 'f', specs: [{ title: 't', tests: [{ status: 'skipped', annotations }] }] }],
  }
  expect(playwrightCounts(report, 0).skipped).toEqual(['f > t: mounting needs root'])
})

test('playwright results: a test that passed at its second attempt is named', () => {
  const report = { suites: [{ title: 'f', specs: [spec('flaky')] }] }
  expect(playwrightCounts(report, 0)).toEqual({ passed: 1, failed: [], skipped: [], retried: ['f > flaky'] })
})

test('closing line: skipped tests are counted only where there are any', () => {
  const all = sum([
    stageCounts('tsc', 0),
    stageCounts('biome', 2),
    { passed: 3, failed: [], skipped: ['a'], retried: [] },
  ])
  expect(closingLine(all)).toBe('3 passed, 1 failed, 1 skipped')
  expect(closingLine({ passed: 4, failed: [], skipped: [], retried: [] })).toBe('4 passed, 0 failed')
})

test('exit code: a skipped test fails the run in CI only', () => {
  const skipped = { passed: 1, failed: [], skipped: ['a'], retried: [] }
  expect(exitCode(skipped, false)).toBe(0)
  expect(exitCode(skipped, true)).toBe(1)
  expect(exitCode({ ...skipped, failed: ['a'] }, false)).toBe(1)
  expect([isCi({ CI: 'true' }), isCi({ CI: 'false' }), isCi({})]).toEqual([true, false, false])
})
