// Sums up the JSON reports of the test runners. Pure functions.

/**
 * @typedef {{ passed: number, failed: string[], skipped: string[], retried: string[] }} Counts
 * `failed` has each failure with the beginning of its message, `skipped` each test that did not run, `retried` each
 * that passed at its second attempt.
 */

/** @type {() => Counts} */
export const nothing = () => ({ passed: 0, failed: [], skipped: [], retried: [] })

/**
 * Shortens a failure: some readers only get the end of a log, so it must be recognizable but brief.
 * @param {string} title
 * @param {(string | undefined)[] | undefined} messages
 */
function named(title, messages = []) {
  const lines = messages.join('\n').replaceAll(COLOURS, '').split('\n').slice(0, 12)
  return [title, ...lines.filter((line) => line !== '').map((line) => `  ${line.slice(0, 300)}`)].join('\n')
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal's colours begin with.
const COLOURS = /\x1b\[[0-9;]*m/g

/**
 * Counts a stage that runs no tests (lint, types, build): only its failure counts.
 * @param {string} title
 * @param {number} status
 */
export const stageCounts = (title, status) => ({ ...nothing(), failed: status === 0 ? [] : [title] })

/**
 * Returns the counts of a runner that ended with `status`. A runner that failed without a failed test (crash, timeout,
 * error outside of a test) counts as one failure, so that it cannot look like success.
 * @param {Counts} counts
 * @param {number} status
 */
function settled(counts, status) {
  if (status === 0 || counts.failed.length > 0) return counts
  return { ...counts, failed: [`the test runner, which ended with exit code ${status}`] }
}

/**
 * @typedef {object} VitestFile
 * @property {string} [name]
 * @property {string} status
 * @property {string} [message]
 * @property {{ title: string, ancestorTitles?: string[], status: string, failureMessages?: string[] }[]} [assertionResults]
 *
 * @param {{ success?: boolean, testResults?: VitestFile[] } | null} report Vitest's JSON report (Jest's format); null if there
 *   is none.
 * @param {number} status
 * @param {string[] | null} errors those outside of every test (errors-reporter.mjs).
 */
export function vitestCounts(report, status, errors = null) {
  const counts = nothing()
  for (const file of report?.testResults ?? []) addFile(counts, file)
  for (const error of errors ?? []) counts.failed.push(named('an error outside of a test', [error]))
  if (report?.success === false && counts.failed.length === 0)
    counts.failed.push('an error outside of a test')
  return settled(counts, report === null ? 1 : status)
}

/**
 * @param {Counts} counts
 * @param {VitestFile} file
 */
function addFile(counts, file) {
  const failedBefore = counts.failed.length
  for (const test of file.assertionResults ?? []) {
    const title = [...(test.ancestorTitles ?? []), test.title].join(' > ')
    if (test.status === 'passed') {
      counts.passed += 1
      // A retried test keeps the messages of its first attempt.
      if ((test.failureMessages ?? []).length > 0) counts.retried.push(title)
    } else if (test.status === 'failed') counts.failed.push(named(title, test.failureMessages))
    else counts.skipped.push(title)
  }
  // The file could not be loaded, or one of its hooks failed.
  if (file.status === 'failed' && counts.failed.length === failedBefore)
    counts.failed.push(named(file.name ?? 'a file', [file.message]))
}

/**
 * Playwright's JSON report; null if there is none.
 * @typedef {{ message?: string }} PlaywrightError
 * @typedef {{ type: string, description?: string }} Annotation
 * @typedef {{ status: string, results?: { errors?: PlaywrightError[] }[], annotations?: Annotation[] }} PlaywrightTest
 * @typedef {object} PlaywrightSuite
 * @property {string} title
 * @property {{ title: string, tests?: PlaywrightTest[] }[]} [specs]
 * @property {PlaywrightSuite[]} [suites]
 *
 * @param {{ suites?: PlaywrightSuite[], errors?: PlaywrightError[] } | null} report
 * @param {number} status
 */
export function playwrightCounts(report, status) {
  const counts = nothing()
  for (const suite of report?.suites ?? []) addSuite(counts, suite, [])
  for (const { message } of report?.errors ?? [])
    counts.failed.push(named('an error outside of a test', [message]))
  return settled(counts, report === null ? 1 : status)
}

/**
 * @param {Counts} counts
 * @param {PlaywrightSuite} suite
 * @param {string[]} above
 */
function addSuite(counts, suite, above) {
  const titles = [...above, suite.title]
  for (const spec of suite.specs ?? []) {
    const title = [...titles, spec.title].join(' > ')
    for (const test of spec.tests ?? []) {
      if (test.status === 'expected') counts.passed += 1
      else if (test.status === 'skipped') {
        const reason = test.annotations?.find(({ type }) => type === 'skip')?.description
        counts.skipped.push(reason === undefined ? title : `${title}: ${reason}`)
      } else if (test.status === 'flaky') {
        counts.passed += 1
        counts.retried.push(title)
      } else
        counts.failed.push(
          named(
            title,
            (test.results?.at(-1)?.errors ?? []).map(({ message }) => message),
          ),
        )
    }
  }
  for (const inner of suite.suites ?? []) addSuite(counts, inner, titles)
}

/** @type {(all: Counts[]) => Counts} */
export const sum = (all) => ({
  passed: all.reduce((total, { passed }) => total + passed, 0),
  failed: all.flatMap(({ failed }) => failed),
  skipped: all.flatMap(({ skipped }) => skipped),
  retried: all.flatMap(({ retried }) => retried),
})

/**
 * Returns the last line of a test run.
 * @param {Counts} counts
 */
export function closingLine({ passed, failed, skipped }) {
  const line = `${passed} passed, ${failed.length} failed`
  return skipped.length > 0 ? `${line}, ${skipped.length} skipped` : line
}

/**
 * On the build machine a skipped test counts as a failure.
 * @param {Pick<Counts, 'failed' | 'skipped'>} counts
 * @param {boolean} ci
 * @returns {0 | 1}
 */
export const exitCode = ({ failed, skipped }, ci) => (failed.length > 0 || (ci && skipped.length > 0) ? 1 : 0)

/** True if the CI variable is set, as common build services do. */
export const isCi = (environment = process.env) => !['', '0', 'false', undefined].includes(environment.CI)
