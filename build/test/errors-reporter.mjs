// A reporter of Vitest that writes the errors outside of every test: its JSON report has none of them.
import { writeFileSync } from 'node:fs'

/** Writes them as a list of texts, each with the test that ran, to the file that HOLDFAST_ERRORS_FILE names. */
export default class ErrorsReporter {
  /**
   * @param {unknown} _modules
   * @param {readonly import('vitest').SerializedError[]} errors
   */
  onTestRunEnd(_modules, errors) {
    const file = process.env.HOLDFAST_ERRORS_FILE
    if (file === undefined) return
    writeFileSync(file, JSON.stringify(errors.map(describe)))
  }
}

/** @param {import('vitest').SerializedError} error */
function describe({ name, message, stack, VITEST_TEST_PATH: testFile, VITEST_TEST_NAME: test }) {
  return [`during ${testFile ?? 'the run'} > ${test ?? ''}`, stack ?? `${name}: ${message}`].join('\n')
}
