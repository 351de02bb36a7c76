// A reporter of Playwright that writes each result when its test ends (results.mjs reads them).
import { writeRecord } from './records.mjs'

/**
 * Returns the file and the titles, without the project.
 * @param {import('@playwright/test/reporter').TestCase} test
 */
const titleOf = (test) =>
  test
    .titlePath()
    .filter((title) => title !== '')
    .join(' > ')

/** @param {import('@playwright/test/reporter').TestError[]} errors */
const texts = (errors) => errors.map(({ message, value }) => message ?? value ?? '')

export default class RecordsReporter {
  printsToStdio() {
    return false
  }

  /**
   * @param {unknown} _config
   * @param {import('@playwright/test/reporter').Suite} suite
   */
  onBegin(_config, suite) {
    writeRecord({ record: 'planned', units: suite.allTests().map(titleOf) })
  }

  /**
   * @param {import('@playwright/test/reporter').TestCase} test
   * @param {import('@playwright/test/reporter').TestResult} result
   */
  onTestEnd(test, result) {
    // The run was stopped: the test has no result.
    if (result.status === 'interrupted') return
    const outcome = test.outcome()
    // A failed test is run again as long as it has retries.
    if (outcome === 'unexpected' && result.retry < test.retries) return
    const title = titleOf(test)
    const reason = test.annotations.find(({ type }) => type === 'skip')?.description
    if (outcome === 'skipped') {
      writeRecord({
        record: 'test',
        state: 'skipped',
        title: reason ? `${title}: ${reason}` : title,
        messages: [],
      })
    } else {
      const state = /** @type {const} */ ({ expected: 'passed', flaky: 'retried', unexpected: 'failed' })[
        outcome
      ]
      writeRecord({ record: 'test', state, title, messages: texts(result.errors) })
    }
    writeRecord({ record: 'ended', unit: title })
  }

  /** @param {import('@playwright/test/reporter').TestError} error */
  onError(error) {
    writeRecord({ record: 'error', title: 'an error outside of a test', messages: texts([error]) })
  }

  onEnd() {
    writeRecord({ record: 'finished' })
  }
}
