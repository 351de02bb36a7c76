// What the test runners' JSON reports say, added up. Pure: reports in, figures out.

/**
 * @typedef {{ passed: number, failed: number, skipped: string[], retried: string[] }} Counts
 * `skipped` names each test that did not run, `retried` each that passed at its second try.
 */

/** @type {() => Counts} */
export const nothing = () => ({ passed: 0, failed: 0, skipped: [], retried: [] })

/** A stage that is one question (lint, types, build): only its failure counts. */
export const stageCounts = (status) => ({ ...nothing(), failed: status === 0 ? 0 : 1 })

/**
 * The figures of a runner that ended with `status`. A runner that failed without a failing test to show for it
 * (crash, time-out, error outside of a test) is one failure: nothing that goes wrong may look like success.
 */
function settled(counts, status) {
  return status !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
}

/** Vitest's JSON report (Jest's format); null if there is none. */
export function vitestCounts(report, status) {
  const counts = nothing()
  for (const file of report?.testResults ?? []) {
    const failedBefore = counts.failed
    for (const test of file.assertionResults ?? []) {
      const title = [...(test.ancestorTitles ?? []), test.title].join(' > ')
      if (test.status === 'passed') {
        counts.passed += 1
        // What it failed of at the first try stays in the report.
        if (test.failureMessages?.length > 0) counts.retried.push(title)
      } else if (test.status === 'failed') counts.failed += 1
      else counts.skipped.push(title)
    }
    // The file itself could not be loaded, or a hook of it failed.
    if (file.status === 'failed' && counts.failed === failedBefore) counts.failed += 1
  }
  if (report !== null && report.success === false && counts.failed === 0) counts.failed = 1
  return settled(counts, report === null ? 1 : status)
}

/** Playwright's JSON report; null if there is none. */
export function playwrightCounts(report, status) {
  const counts = nothing()
  for (const suite of report?.suites ?? []) addSuite(counts, suite, [])
  counts.failed += report?.errors?.length ?? 0
  return settled(counts, report === null ? 1 : status)
}

function addSuite(counts, suite, above) {
  const titles = [...above, suite.title]
  for (const spec of suite.specs ?? []) {
    for (const test of spec.tests ?? []) {
      if (test.status === 'expected') counts.passed += 1
      else if (test.status === 'skipped') counts.skipped.push([...titles, spec.title].join(' > '))
      else if (test.status === 'flaky') {
        counts.passed += 1
        counts.retried.push([...titles, spec.title].join(' > '))
      } else counts.failed += 1
    }
  }
  for (const inner of suite.suites ?? []) addSuite(counts, inner, titles)
}

/** @type {(all: Counts[]) => Counts} */
export const sum = (all) => ({
  passed: all.reduce((total, { passed }) => total + passed, 0),
  failed: all.reduce((total, { failed }) => total + failed, 0),
  skipped: all.flatMap(({ skipped }) => skipped),
  retried: all.flatMap(({ retried }) => retried),
})

/** The last line of a test run. */
export function closingLine({ passed, failed, skipped }) {
  const line = `${passed} passed, ${failed} failed`
  return skipped.length > 0 ? `${line}, ${skipped.length} skipped` : line
}

/** On the build machine a test that is skipped is a test that is missing. */
export const exitCode = ({ failed, skipped }, ci) => (failed > 0 || (ci && skipped.length > 0) ? 1 : 0)

/** Whether the CI variable says so, as the usual build services set it. */
export const isCi = (environment = process.env) => !['', '0', 'false', undefined].includes(environment.CI)
