// @module-tag timeless
import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { parseRecords } from '../../../build/test/records.mjs'
import { closingLine, exitCode, isCi, runnerCounts, stageCounts, sum } from '../../../build/test/results.mjs'
import { runStage } from '../../../build/test/stage.mjs'
import { temporaryDirectory } from '../../support/temporary.ts'

type TestRecord = Parameters<typeof runnerCounts>[0][number]
const ran = (title: string, state: string, ...messages: string[]): TestRecord => ({
  record: 'test',
  title,
  state,
  messages,
})
const planned = (...units: string[]): TestRecord => ({ record: 'planned', units })
const ended = (unit: string): TestRecord => ({ record: 'ended', unit })
const finished: TestRecord = { record: 'finished' }
const well = { status: 0, reason: 'it ended with exit code 0' }
const stopped = { status: 124, reason: 'the stage was stopped at its limit of 40 minutes' }

test('test results: tests of each state are counted and named', () => {
  const records = [
    planned('a'),
    ran('a > 1', 'passed'),
    ran('a > 2', 'failed', 'no'),
    ran('a > 3: mounting needs root', 'skipped'),
    ran('a > 4', 'retried', 'first'),
    ran('a > 5', 'pending'),
    ended('a'),
    finished,
  ]
  expect(runnerCounts(records, { status: 1, reason: 'it ended with exit code 1' })).toEqual({
    passed: 2,
    failed: ['a > 2\n  no', 'a > 5'],
    skipped: ['a > 3: mounting needs root'],
    retried: ['a > 4'],
  })
})

test('test results: each unit without a result is a failure that names the limit', () => {
  const records = [planned('a', 'b', 'c'), ran('b > 1', 'passed'), ended('b'), ran('c > 1', 'failed')]
  expect(runnerCounts(records, stopped)).toMatchObject({
    passed: 1,
    failed: [
      'c > 1',
      'a\n  has no result: the stage was stopped at its limit of 40 minutes',
      'c\n  has no result: the stage was stopped at its limit of 40 minutes',
    ],
  })
})

test.each<[string, TestRecord[], { status: number; reason: string }, string[]]>([
  [
    'an error outside of a test is a failure with its beginning, without colours',
    [
      planned(),
      { record: 'error', title: 'outside', messages: ['\x1b[31mgone\x1b[39m\n    at a'] },
      finished,
    ],
    well,
    ['outside\n  gone\n      at a'],
  ],
  [
    'a crash after all results is a failure',
    [planned('a'), ran('a', 'passed'), ended('a'), finished],
    { status: 1, reason: 'it was ended by SIGSEGV' },
    ['the test runner: it was ended by SIGSEGV'],
  ],
  ['a runner without records is a failure', [], well, ['the test runner: it ended with exit code 0']],
  [
    'a runner that ends early is a failure',
    [planned()],
    well,
    ['the test runner: it ended with exit code 0'],
  ],
])('test results: %s', (_, records, end, failed) => {
  expect(runnerCounts(records, end).failed).toEqual(failed)
})

test('test records: half a line at the end of a killed run is left out', () => {
  expect(parseRecords('{"record":"ended","unit":"a"}\n{"record":"en')).toEqual([ended('a')])
})

/** Runs a stage that writes records to `file`, and returns its counts. */
async function countsOfStage(file: string, command: string, args: string[], minutes: number) {
  const env = { ...process.env, HOLDFAST_TEST_RECORDS: file }
  const end = await runStage(command, args, { env, cwd: process.cwd(), minutes })
  return runnerCounts(parseRecords(await readFile(file, 'utf8')), end)
}

/** A runner whose first file passes, and which then executes `rest`. */
const shell = (rest: string) => {
  const lines = [planned('a', 'b'), ran('a > 1', 'passed'), ended('a')].map(
    (line) => `'${JSON.stringify(line)}'`,
  )
  return ['-c', `printf '%s\\n' ${lines.join(' ')} > "$HOLDFAST_TEST_RECORDS"; ${rest}`]
}

test.each([
  ['hangs', 'exec sleep 1000', 0.05, 'the stage was stopped at its limit of 0.05 minutes'],
  [
    'hangs and ends well',
    'trap "exit 0" TERM; sleep 1000 & wait',
    0.05,
    'the stage was stopped at its limit of 0.05 minutes',
  ],
  ['crashes', 'exit 7', 1, 'it ended with exit code 7'],
  ['is killed', 'kill -KILL $$', 1, 'it was ended by SIGKILL'],
])('test stage: one that %s keeps its results and fails for the rest', async (_, rest, minutes, reason) => {
  const counts = await countsOfStage(
    path.join(temporaryDirectory('results'), 'records.jsonl'),
    'sh',
    shell(rest),
    minutes,
  )
  expect(counts).toMatchObject({ passed: 1, failed: [`b\n  has no result: ${reason}`] })
})

/** Starts Vitest in a directory of its own, and returns its counts. */
function countsOfVitest(root: string, records: string, ...options: string[]) {
  const vitest = path.resolve('node_modules/vitest/vitest.mjs')
  const reporter = `--reporter=${path.resolve('build/test/vitest-reporter.mjs')}`
  const all = ['run', '--root', root, '--config=vitest.config.mjs', '--globals', '--pool=forks', reporter]
  return countsOfStage(records, process.execPath, [vitest, ...all, ...options], 1)
}

test('test stage: Vitest that is killed between two files keeps the results of the first', async () => {
  const root = temporaryDirectory('results')
  const records = path.join(root, 'records.jsonl')
  await writeFile(path.join(root, 'a.test.js'), `test('passes', () => {}); test.skip('is skipped', () => {})`)
  await writeFile(path.join(root, 'vitest.config.mjs'), 'export default {}')
  const b = `import { readFileSync } from 'node:fs'
test('kills the runner', async () => {
  while (!readFileSync(${JSON.stringify(records)}, 'utf8').includes('"ended"')) await new Promise(setImmediate)
  process.kill(process.ppid, 'SIGKILL')
  await new Promise(() => {})
})`
  await writeFile(path.join(root, 'b.test.js'), b)
  expect(await countsOfVitest(root, records, '--maxWorkers=2')).toEqual({
    passed: 1,
    failed: [expect.stringMatching(/b\.test\.js\n {2}has no result: it was ended by SIGKILL$/)],
    skipped: ['is skipped'],
    retried: [],
  })
})

test.each([
  ['story', { passed: 1, failed: [], skipped: ['is skipped'], retried: [] }],
  ['not story', { passed: 1, failed: [], skipped: ['is skipped, too'], retried: [] }],
])(
  'test stage: of the tests with the tag %s, skipped ones are reported, and no others',
  async (tag, wanted) => {
    const root = temporaryDirectory('results')
    const config = "export default { test: { tags: [{ name: 'story' }] } }"
    await writeFile(path.join(root, 'vitest.config.mjs'), config)
    const tests = `test('passes', { tags: 'story' }, () => {})
test.skip('is skipped', { tags: 'story' }, () => {})
test('passes', () => {})
test.skip('is skipped, too', () => {})`
    await writeFile(path.join(root, 'a.test.js'), tests)
    const counts = await countsOfVitest(root, path.join(root, 'records.jsonl'), `--tags-filter=${tag}`)
    expect(counts).toEqual(wanted)
  },
)

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

test.each([
  ['both pass', ['3 passed, 0 failed', 0], ['10 passed, 0 failed', 0], '13 passed, 0 failed'],
  [
    'failures and skipped tests of both',
    ['3 passed, 1 failed', 1],
    ['9 passed, 1 failed, 2 skipped', 1],
    '12 passed, 2 failed, 2 skipped',
  ],
  ['the first ends without a result', ['', 0], ['10 passed, 0 failed', 0], '10 passed, 1 failed'],
  ['the second crashes', ['3 passed, 0 failed', 0], ['10 passed, 0 failed', 139], '13 passed, 1 failed'],
] as const)('.ci/run: its last line is the sum of both tiers: %s', async (_, one, two, closing) => {
  const root = temporaryDirectory('ci')
  const tiers = [one, two].map(([line, status]) => `echo '${line}'; exit ${status}`)
  const npm = `case "$*" in ci) ;; test) ${tiers[0]} ;; 'run test:full -- --rest') ${tiers[1]} ;; *) exit 9 ;; esac`
  await mkdir(path.join(root, '.ci'))
  await copyFile('.ci/run', path.join(root, '.ci/run'))
  await writeFile(path.join(root, 'npm'), `#!/bin/sh\n${npm}\n`, { mode: 0o755 })
  const env = { ...process.env, PATH: `${root}:${process.env.PATH}` }
  const { status, stdout } = spawnSync('bash', [path.join(root, '.ci/run')], { env, encoding: 'utf8' })
  expect(stdout.trim().split('\n').at(-1)).toBe(closing)
  expect(status === 0).toBe(closing === '13 passed, 0 failed')
})

test('.ci/run: the failures of both tiers are repeated at the end', async () => {
  const root = temporaryDirectory('ci')
  const tier = (name: string) =>
    `printf 'Failed:\n${name} > a test\n  its error\n\n0 passed, 1 failed\n'; exit 1`
  const npm = `case "$*" in ci) ;; test) ${tier('first')} ;; *) seq 3000; ${tier('second')} ;; esac`
  await mkdir(path.join(root, '.ci'))
  await copyFile('.ci/run', path.join(root, '.ci/run'))
  await writeFile(path.join(root, 'npm'), `#!/bin/sh\n${npm}\n`, { mode: 0o755 })
  const env = { ...process.env, PATH: `${root}:${process.env.PATH}` }
  const { stdout } = spawnSync('bash', [path.join(root, '.ci/run')], { env, encoding: 'utf8' })
  const end = stdout.trim().split('\n').slice(-20).join('\n')
  expect(end).toContain('== npm test\nFailed:\nfirst > a test\n  its error\n')
  expect(end).toContain('== npm run test:full -- --rest\nFailed:\nsecond > a test\n  its error\n')
})
